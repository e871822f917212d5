"""Convert a GAN to arrays and back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import GAN, get_method
from anomgan.utils.serialization import below
from anomgan.utils.types import FloatArray


def gan_to_arrays(gan: GAN) -> dict[str, FloatArray]:
    """All weights and buffers by name, float32 where that is lossless."""
    return {f"gan.{key}": _narrow(value).cpu().numpy() for key, value in gan.state_dict().items()}


def gan_from_arrays(
    state: Mapping[str, FloatArray], spec: Spec, *, name: str, config: Config
) -> GAN:
    """Build a frozen GAN on the CPU from the arrays of :func:`gan_to_arrays`.

    Shapes are checked before memory is allocated for the networks.

    Args:
        state: Finite arrays; may hold others, too.
        spec: The layout of a record.
        name: A registered method.
        config: The settings of the fit.

    Raises:
        KeyError: If arrays are missing.
        ValueError: If they don't belong to this layout, method and settings.
    """
    members = len(state["gan.views.loc"])
    if not members or members % config.members or config.layers > len(state):
        raise ValueError(f"settings of another model: {members} members are there")
    if state["gan.views.loc"].shape != (members, 1, spec.for_networks.size):
        raise ValueError("scales of another table")
    if not (state["gan.views.scale"] > 0).all():
        raise ValueError("a scale isn't positive, so that a record's score isn't a number")
    views = EnsembleScaler(spec, config.member_scalings * (members // config.members))
    with torch.device("meta"):  # shapes without memory
        gan = get_method(name)(views, config)
    weights = {key: torch.tensor(value) for key, value in below("gan.", state).items()}
    _check_shapes(gan.state_dict(), weights)
    dtypes = {key: value.dtype for key, value in gan.state_dict().items()}
    gan.load_state_dict({k: v.to(dtypes[k]) for k, v in weights.items()}, assign=True)
    gan.eval().requires_grad_(False)
    return gan


def _narrow(weight: Tensor) -> Tensor:
    """Cast to float32 if that is lossless."""
    narrow = weight.float()
    return narrow if torch.equal(narrow.to(weight.dtype), weight) else weight


def _check_shapes(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Compare names and shapes.

    Raises:
        ValueError: Names the first that differs.
    """
    for key in sorted(expected.keys() | weights.keys()):
        shapes = [tuple(each[key].shape) if key in each else None for each in (expected, weights)]
        if shapes[0] != shapes[1]:
            raise ValueError(f"{key} has shape {shapes[1]}, the settings ask for {shapes[0]}")
