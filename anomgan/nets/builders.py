"""Builds networks that fit a record: the one place that asks whether it is a table or a picture."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.errors import InputError
from anomgan.nets.dcgan import ConvEncoder, ConvGenerator, UNet
from anomgan.nets.image_discriminator import FEATURE_DIRECTIONS, ImageDiscriminator
from anomgan.nets.mlp import MLP
from anomgan.nets.progressive_growing import remove_detail
from anomgan.nets.self_supervision import Pretext
from anomgan.nets.spectral_norm import spectral_norm
from anomgan.nets.table_discriminator import TableDiscriminator

THUMBNAIL_SIDE = 32
"""Longest side of pictures that are remembered pixel by pixel."""

COARSENING_FACTOR = 4
"""Factor by which :func:`coarsen` reduces a picture's sides."""


def build_generator(spec: Spec, config: Config, members: int) -> MLP | ConvGenerator:
    """Networks ``(M, n, code) -> (M, n, record)``, before rendering."""
    if spec.grid is not None:
        return ConvGenerator(spec, config, members)
    wide = spec.condition_size
    return _mlp(config, members, config.latent + wide, spec.record_size, conditions=wide)


def build_encoder(spec: Spec, config: Config, members: int) -> MLP | ConvEncoder:
    """Networks ``(M, n, *shape) -> (M, n, latent)``."""
    if spec.grid is not None:
        return ConvEncoder(spec, config, members, config.latent)
    return _mlp(config, members, spec.size, config.latent, conditions=spec.condition_size)


def build_translator(spec: Spec, config: Config, members: int) -> MLP | UNet:
    """Networks ``(M, n, *shape) -> (M, n, record)``, before rendering."""
    if spec.grid is not None:
        return UNet(spec, config, members)
    return _mlp(config, members, spec.size, spec.record_size, conditions=spec.condition_size)


def build_discriminator(
    spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
) -> TableDiscriminator | ImageDiscriminator:
    """Discriminators ``(M, n, *shape) -> (M, n)``; arguments as :class:`TableDiscriminator`."""
    kind = TableDiscriminator if spec.grid is None else ImageDiscriminator
    made = kind(spec, config, members, extra, records)
    return spectral_norm(made) if config.spectral_norm == "on" else made


def build_pretext(spec: Spec, config: Config, discriminator: nn.Module) -> Pretext | None:
    """Heads that tell what was done to pictures from what a critic sees; None if not asked for.

    Raises:
        InputError: If they are asked for, but the records are no pictures.
    """
    if not config.self_supervision:
        return None
    if spec.grid is None or not isinstance(discriminator, ImageDiscriminator):
        raise InputError("setting self_supervision is for pictures; leave it at 0")
    return Pretext(spec.grid, discriminator.members, discriminator.trunk.flat, config.hidden)


def build_latent_discriminator(config: Config, members: int, inputs: int) -> MLP:
    """Networks that judge latent vectors put together, ``(M, n, inputs) -> (M, n, 1)``."""
    made = _mlp(config, members, inputs, 1)
    return spectral_norm(made) if config.spectral_norm == "on" else made


def make_thumbnails(spec: Spec, x: Tensor) -> Tensor:
    """Records small enough to be remembered by the thousand, ``(M, n, *shape) -> (M, n, S)``.

    Pictures are averaged to at most :data:`THUMBNAIL_SIDE` pixels a side; others stay as they are.
    """
    if spec.grid is None or max(spec.grid[1:]) <= THUMBNAIL_SIDE:
        return x
    flat = x[..., : spec.record_size].reshape(-1, *spec.grid)
    few = adaptive_avg_pool2d(
        flat, (min(THUMBNAIL_SIDE, flat.shape[2]), min(THUMBNAIL_SIDE, flat.shape[3]))
    )
    return torch.cat([few.reshape(*x.shape[:2], -1), x[..., spec.record_size :]], -1)


def coarsen(spec: Spec, x: Tensor) -> Tensor:
    """Records that hold pictures without their detail, ``(M, n, *shape)``; others as they are."""
    if spec.grid is None:
        return x
    flat = x[..., : spec.record_size].reshape(-1, *spec.grid)
    few = (-(-spec.grid[1] // COARSENING_FACTOR), -(-spec.grid[2] // COARSENING_FACTOR))
    blurred = interpolate(adaptive_avg_pool2d(flat, few), flat.shape[2:], mode="bilinear")
    return torch.cat([blurred.reshape(*x.shape[:2], -1), x[..., spec.record_size :]], -1)


def drop_detail(spec: Spec, x: Tensor, missing: float) -> Tensor:
    """Records as networks see them that lack so many levels, ``(M, n, *shape)`` to the same."""
    if spec.grid is None or not missing:
        return x
    flat = x[..., : spec.record_size].reshape(-1, *spec.grid)
    seen = remove_detail(flat, missing).reshape(*x.shape[:2], -1)
    return torch.cat([seen, x[..., spec.record_size :]], -1)


def estimate_widest_layer(spec: Spec, config: Config) -> int:
    """Numbers that the largest layers hold for one record and member, roughly."""
    if spec.grid is None:
        return max(4 * config.hidden, spec.size)
    # Its gradients, and the first maps, which have a quarter of the pixels.
    return math.prod(spec.grid[1:]) * (spec.grid[0] + FEATURE_DIRECTIONS + config.channels // 4)


def _mlp(config: Config, members: int, inputs: int, outputs: int, conditions: int = 0) -> MLP:
    return MLP(
        members,
        inputs,
        outputs,
        hidden=config.hidden,
        layers=config.layers,
        conditions=conditions,
    )
