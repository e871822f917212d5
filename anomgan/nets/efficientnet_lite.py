"""EfficientNet-Lite0 (Tan & Le, 2019; the Lite variant of 2020), frozen: pictures to feature maps.

Inverted residual blocks with ReLU6 and without squeeze-and-excitation.  The batch normalisation of
training is folded into the convolutions, so that nothing but convolutions is left.  Weights have
the names that the package ``efficientnet-lite-pytorch`` gives them.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad, relu6

BLOCKS = (
    (1, 16, 3, 1),
    *((6, 24, 3, 2), (6, 24, 3, 1)),
    *((6, 40, 5, 2), (6, 40, 5, 1)),
    *((6, 80, 3, 2), (6, 80, 3, 1), (6, 80, 3, 1)),
    *((6, 112, 5, 1), (6, 112, 5, 1), (6, 112, 5, 1)),
    *((6, 192, 5, 2), (6, 192, 5, 1), (6, 192, 5, 1), (6, 192, 5, 1)),
    (6, 320, 3, 1),
)
"""Expansion, output channels, kernel and stride of each block."""

TAPS = (4, 10, 15)
"""Blocks whose outputs are the features: strides of 8, 16 and 32 pixels."""

STEM_CHANNELS, NORM_EPSILON = 32, 1e-3

Folded = tuple[Tensor, Tensor]
"""Weights and biases of a convolution."""


class EfficientNetLite(nn.Module):
    """The frozen network.

    Attributes:
        channels: Channels of each of the maps.
        strides: Pixels between their places.
    """

    channels = tuple(BLOCKS[tap][1] for tap in TAPS)
    strides = (8, 16, 32)

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """Fold the normalisations into the convolutions.

        Args:
            weights: Those of the whole network by name; those of its classifier are left out.

        Raises:
            ValueError: If one is missing or has another shape.
        """
        super().__init__()
        self._names: list[str] = []
        self._fold(weights, "_conv_stem", "_bn0", (STEM_CHANNELS, 3, 3, 3))
        inputs = STEM_CHANNELS
        for at, (expansion, outputs, kernel, _) in enumerate(BLOCKS):
            name, wide = f"_blocks.{at}.", inputs * expansion
            if expansion > 1:
                self._fold(weights, f"{name}_expand_conv", f"{name}_bn0", (wide, inputs, 1, 1))
            shape = (wide, 1, kernel, kernel)
            self._fold(weights, f"{name}_depthwise_conv", f"{name}_bn1", shape)
            self._fold(weights, f"{name}_project_conv", f"{name}_bn2", (outputs, wide, 1, 1))
            inputs = outputs
        self.requires_grad_(False)

    def _fold(
        self, weights: Mapping[str, Tensor], conv: str, norm: str, shape: tuple[int, ...]
    ) -> None:
        """Keep a convolution with the normalisation after it.

        Raises:
            ValueError: If weights are missing or have another shape.
        """
        parts = [f"{norm}.{each}" for each in ("weight", "bias", "running_mean", "running_var")]
        expected = {f"{conv}.weight": shape, **dict.fromkeys(parts, shape[:1])}
        for name, size in expected.items():
            found = tuple(getattr(weights.get(name), "shape", ()))
            if found != size:
                raise ValueError(f"{name} has shape {found or None}, not {size}")
            if not weights[name].isfinite().all():
                raise ValueError(f"{name} holds something else than finite numbers")
        gain, bias, mean, variance = (weights[name].float() for name in parts)
        gain = gain / (variance.clamp(min=0) + NORM_EPSILON).sqrt()
        folded = weights[f"{conv}.weight"].float() * gain[:, None, None, None]
        key = conv.replace(".", "-")
        self.register_buffer(f"{key}-weight", folded.contiguous(memory_format=torch.channels_last))
        self.register_buffer(f"{key}-bias", bias - mean * gain)
        self._names.append(key)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        """Feature maps after :data:`TAPS`.

        Args:
            pictures: RGB with a range of about [-1, 1], ``(n, 3, H, W)``.

        Returns:
            ``(n, C, ⌈H / stride⌉, ⌈W / stride⌉)`` for each depth.
        """
        layers = iter(
            [(self.get_buffer(f"{n}-weight"), self.get_buffer(f"{n}-bias")) for n in self._names]
        )
        x = relu6(
            _convolve(pictures.contiguous(memory_format=torch.channels_last), next(layers), 2)
        )
        maps = []
        for at, (expansion, _, _, stride) in enumerate(BLOCKS):
            y = relu6(_convolve(x, next(layers))) if expansion > 1 else x
            y = relu6(_convolve(y, next(layers), stride, groups=y.shape[1]))
            y = _convolve(y, next(layers))
            x = x + y if x.shape == y.shape else y
            if at in TAPS:
                maps.append(x)
        return maps


def _convolve(x: Tensor, layer: Folded, stride: int = 1, groups: int = 1) -> Tensor:
    """Convolve such that a side has ⌈side / stride⌉ places, padding as TensorFlow does."""
    weight, bias = layer
    kernel = weight.shape[-1]
    if kernel > 1:
        missing = [
            max((-(-side // stride) - 1) * stride + kernel - side, 0)
            for side in (x.shape[3], x.shape[2])
        ]
        x = pad(x, [part for both in missing for part in (both // 2, both - both // 2)])
    return conv2d(x, weight, bias, stride, groups=groups)
