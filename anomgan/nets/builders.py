"""Build the networks for a record: dense ones, or convolutional ones for images and windows."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from anomgan.config import Config
from anomgan.data.spec import Spec
from anomgan.errors import InputError
from anomgan.nets.contrast_discriminator import ContrastDiscriminators
from anomgan.nets.conv1d import (
    WindowEncoder,
    WindowGenerator,
    WindowTranslator,
    WindowTrunk,
)
from anomgan.nets.dcgan import ConvEncoder, ConvGenerator, UNet
from anomgan.nets.image_discriminator import FEATURE_DIRECTIONS, ImageDiscriminator
from anomgan.nets.mlp import MLP
from anomgan.nets.progressive_growing import remove_detail
from anomgan.nets.self_supervision import Pretext
from anomgan.nets.spectral_norm import spectral_norm
from anomgan.nets.table_discriminator import TableDiscriminator

MAX_THUMBNAIL_SIDE = 32
"""Longest side in pixels of the images that :func:`make_thumbnails` returns."""

COARSENING_FACTOR = 4
"""Factor by which :func:`coarsen` reduces the sides of an image."""


def build_generator(
    spec: Spec, config: Config, members: int
) -> MLP | ConvGenerator | WindowGenerator:
    """Generators ``(M, n, code) -> (M, n, record)``, before rendering."""
    if spec.grid is not None:
        return ConvGenerator(spec, config, members)
    if _convolves_windows(spec, config):
        return WindowGenerator(spec, config, members, config.latent)
    inputs = config.latent + spec.condition_size
    return _build_mlp(config, members, inputs, spec.record_size, spec.condition_size)


def build_encoder(spec: Spec, config: Config, members: int) -> MLP | ConvEncoder | WindowEncoder:
    """Encoders ``(M, n, *shape) -> (M, n, latent)``."""
    if spec.grid is not None:
        return ConvEncoder(spec, config, members, config.latent)
    if _convolves_windows(spec, config):
        return WindowEncoder(spec, config, members, config.latent)
    return _build_mlp(config, members, spec.size, config.latent, spec.condition_size)


def build_translator(spec: Spec, config: Config, members: int) -> MLP | UNet | WindowTranslator:
    """Generators that take records, ``(M, n, *shape) -> (M, n, record)``, before rendering."""
    if spec.grid is not None:
        return UNet(spec, config, members)
    if _convolves_windows(spec, config):
        return WindowTranslator(spec, config, members)
    return _build_mlp(config, members, spec.size, spec.record_size, spec.condition_size)


def build_discriminator(
    spec: Spec, config: Config, members: int, extra: int = 0, records: int = 1
) -> TableDiscriminator | ImageDiscriminator:
    """Discriminators ``(M, n, *shape) -> (M, n)``; arguments as :class:`TableDiscriminator`."""
    network: TableDiscriminator | ImageDiscriminator
    if spec.grid is not None:
        network = ImageDiscriminator(spec, config, members, extra, records)
    else:
        trunk = WindowTrunk(spec, config, members) if _convolves_windows(spec, config) else None
        network = TableDiscriminator(spec, config, members, extra, records, trunk)
    return spectral_norm(network) if config.spectral_norm == "on" else network


def build_latent_discriminator(config: Config, members: int, inputs: int) -> MLP:
    """Discriminators of concatenated latent vectors, ``(M, n, inputs) -> (M, n, 1)``."""
    network = _build_mlp(config, members, inputs, 1)
    return spectral_norm(network) if config.spectral_norm == "on" else network


def build_contrast(
    continuous: Tensor, columns: int, classes: int, spec: Spec, config: Config, members: int
) -> ContrastDiscriminators | None:
    """Discriminators of corrupted rows; None for pictures, or if the setting is off.

    Args:
        continuous: Which entries of a record are numeric, ``(R,)`` bool.
        columns: Number of columns.
        classes: Number of kinds of rows that are told apart.
        spec: The layout of a record.
        config: Sizes of the networks.
        members: Number of members, M.
    """
    if spec.grid is not None or not config.uses_contrast:
        return None
    return ContrastDiscriminators(
        members,
        continuous,
        columns=columns,
        classes=classes,
        conditions=spec.condition_size,
        hidden=config.contrast_hidden,
    )


def build_pretext(spec: Spec, config: Config, discriminator: nn.Module) -> Pretext | None:
    """Heads of the self-supervised task, on the discriminator's trunk; None if it is off.

    Raises:
        InputError: If it is on, but the records are no images.
    """
    if not config.self_supervision:
        return None
    if spec.grid is None or not isinstance(discriminator, ImageDiscriminator):
        raise InputError("setting self_supervision is for pictures; leave it at 0")
    return Pretext(spec.grid, discriminator.members, discriminator.trunk.flat, config.hidden)


def make_thumbnails(spec: Spec, x: Tensor) -> Tensor:
    """Average large images to :data:`MAX_THUMBNAIL_SIDE` a side, ``(M, n, *shape) -> (M, n, S)``.

    Small images and records of tables are returned as they are.
    """
    if spec.grid is None or max(spec.grid[1:]) <= MAX_THUMBNAIL_SIDE:
        return x
    size = (min(MAX_THUMBNAIL_SIDE, spec.grid[1]), min(MAX_THUMBNAIL_SIDE, spec.grid[2]))
    return _map_images(spec, x, lambda images: adaptive_avg_pool2d(images, size))


def coarsen(spec: Spec, x: Tensor) -> Tensor:
    """Blur images to a fourth of their resolution, ``(M, n, *shape)``; tables as they are."""
    if spec.grid is None:
        return x
    full = spec.grid[1:]
    size = (-(-full[0] // COARSENING_FACTOR), -(-full[1] // COARSENING_FACTOR))

    def blur(images: Tensor) -> Tensor:
        return interpolate(adaptive_avg_pool2d(images, size), full, mode="bilinear")

    return _map_images(spec, x, blur)


def drop_detail(spec: Spec, x: Tensor, missing: float) -> Tensor:
    """Remove the detail that networks lacking ``missing`` levels can't represent."""
    if spec.grid is None or not missing:
        return x
    return _map_images(spec, x, lambda images: remove_detail(images, missing))


def estimate_widest_layer(spec: Spec, config: Config) -> int:
    """Approximate number of values in the largest layer, per record and member."""
    if spec.grid is None:
        # The segments that a first convolution sees hold each entry and its logarithm twice.
        return max(4 * config.hidden, spec.size * (4 if _convolves_windows(spec, config) else 1))
    # An image, its gradients, and the first maps, which have a quarter of the pixels.
    return math.prod(spec.grid[1:]) * (spec.grid[0] + FEATURE_DIRECTIONS + config.channels // 4)


def _convolves_windows(spec: Spec, config: Config) -> bool:
    """Whether records are windows of series that networks convolve."""
    return spec.window is not None and config.series_networks == "conv"


def _map_images(spec: Spec, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply a function of ``(M·n, C, H, W)`` to the images in records; conditions stay."""
    at = spec.record_size
    images = function(x[..., :at].reshape(-1, *spec.grid or ()))
    return torch.cat([images.reshape(*x.shape[:2], -1), x[..., at:]], -1)


def _build_mlp(config: Config, members: int, inputs: int, outputs: int, conditions: int = 0) -> MLP:
    sizes = {"hidden": config.hidden, "layers": config.layers}
    return MLP(members, inputs, outputs, **sizes, conditions=conditions)
