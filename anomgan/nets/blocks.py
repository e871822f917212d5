"""Builds networks that fit a record: the one place that asks whether it is a table or a picture."""

from __future__ import annotations

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.nets.discriminator import Discriminator
from anomgan.nets.mlp import MLP
from anomgan.nets.spectral import spectral_norm


def generator(spec: Spec, config: Config, members: int) -> MLP:
    """Networks ``(M, n, code) -> (M, n, record)``, before rendering."""
    wide = spec.conditions
    return _mlp(config, members, config.latent + wide, spec.record, conditions=wide)


def encoder(spec: Spec, config: Config, members: int) -> MLP:
    """Networks ``(M, n, *shape) -> (M, n, latent)``."""
    return _mlp(config, members, spec.size, config.latent, conditions=spec.conditions)


def translator(spec: Spec, config: Config, members: int) -> MLP:
    """Networks ``(M, n, *shape) -> (M, n, record)``, before rendering."""
    return _mlp(config, members, spec.size, spec.record, conditions=spec.conditions)


def discriminator(
    spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
) -> Discriminator:
    """Networks ``(M, n, *shape) -> (M, n)`` with features; arguments as :class:`Discriminator`."""
    made = Discriminator(spec, config, members, extra, records)
    return spectral_norm(made) if config.spectral_norm == "on" else made


def latent_discriminator(config: Config, members: int, inputs: int) -> MLP:
    """Networks that judge latent vectors put together, ``(M, n, inputs) -> (M, n, 1)``."""
    made = _mlp(config, members, inputs, 1)
    return spectral_norm(made) if config.spectral_norm == "on" else made


def _mlp(config: Config, members: int, inputs: int, outputs: int, conditions: int = 0) -> MLP:
    return MLP(
        members,
        inputs,
        outputs,
        hidden=config.hidden,
        layers=config.layers,
        conditions=conditions,
    )
