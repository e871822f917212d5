"""Frozen networks that learnt from photographs: found by name, checked by digest, never downloaded.

``efficientnet-lite0`` comes with an extra of anomgan, weights included.  A file holds other weights
of that network, and ``timm:NAME`` is a network of timm, for those who have both.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.resources
import pickle
import zipfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from anomgan.config import BACKBONE_PACKAGE as PACKAGE
from anomgan.config import PACKAGED_BACKBONE as PACKAGED
from anomgan.errors import InputError
from anomgan.nets.efficientnet_lite import EfficientNetLite
from anomgan.utils.extras import import_extra
from anomgan.utils.text import one_line

TIMM_PREFIX = "timm:"

MIN_SIDE = 96
"""Smaller pictures are enlarged to this longer side, in pixels: coarse maps would have a place."""

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Maps = list[Tensor]


class Backbone:
    """A frozen network and what identifies it.

    Attributes:
        name: As the setting ``backbone`` gives it.
        digest: SHA-256 of the weights.
        network: Maps pictures ``(n, 3, H, W)`` in [-1, 1] to feature maps, finest first.
    """

    def __init__(self, name: str, digest: str, network: Callable[[Tensor], Maps]) -> None:
        """Keep them."""
        self.name, self.digest, self.network = name, digest, network

    def __call__(self, pictures: Tensor) -> Maps:
        """Feature maps of pictures, ``(n, C, H, W)`` in about [-1, 1], finest first.

        Gray is shown as RGB, and of other numbers of channels the mean.  Each picture passes alone,
        so that its features depend on no other.
        """
        if pictures.shape[1] not in (1, 3):
            pictures = pictures.mean(1, keepdim=True)
        if (side := max(pictures.shape[2:])) < MIN_SIDE:
            size = [-(-MIN_SIDE * each // side) for each in pictures.shape[2:]]
            pictures = interpolate(pictures, (size[0], size[1]), mode="bilinear")
        pictures = pictures.float().clamp(-2, 2).expand(-1, 3, -1, -1)
        results: list[Maps] = []
        with torch.no_grad():
            for at, picture in enumerate(pictures):
                # Blocks are filled up by repeating a picture.
                if at and torch.equal(picture, pictures[at - 1]):
                    results.append(results[-1])
                else:
                    results.append(self.network(picture[None]))
        return [torch.cat(maps) for maps in zip(*results, strict=True)]


@lru_cache(maxsize=2)
def load_backbone(name: str) -> Backbone:
    """Load a backbone.

    Args:
        name: ``efficientnet-lite0``, ``timm:NAME``, or the path of a file of weights.

    Raises:
        InputError: If its package isn't installed, or the file isn't one of such weights.
    """
    if name.startswith(TIMM_PREFIX):
        return _load_timm(name)
    if name == PACKAGED:
        package = import_extra(PACKAGE, "vision", f"backbone {name}")
        models = importlib.resources.files(package) / "models"
        [file] = [each for each in models.iterdir() if each.name.endswith(".pth")]
        return _load_weights(name, file.read_bytes)
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"backbone {name}: no such file; give {PACKAGED}, {TIMM_PREFIX}NAME, none, or a file "
            f"of {PACKAGED}'s weights"
        )
    return _load_weights(name, path.read_bytes)


def load_same_backbone(name: str, digest: str) -> Backbone:
    """Load the backbone that a model was fitted with.

    Raises:
        InputError: If it isn't here, or has other weights.
    """
    backbone = load_backbone(name)
    if backbone.digest != digest:
        raise InputError(
            f"backbone {name}: its weights aren't those that the model was fitted with (SHA-256 "
            f"{backbone.digest[:12]}…, not {digest[:12]}…); install the same version or fit again"
        )
    return backbone


def _load_weights(name: str, read: Callable[[], bytes]) -> Backbone:
    """Load weights of EfficientNet-Lite0 without unpickling anything but tensors.

    Raises:
        InputError: If they can't be read, or are another network's.
    """
    import io

    try:
        content = read()
        weights = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except OSError as error:
        raise InputError(f"backbone {name}: can't be read: {error.strerror or error}") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, zipfile.BadZipFile,
            KeyError, AttributeError, TypeError) as error:  # fmt: skip
        raise InputError(
            f"backbone {name}: is damaged, or isn't a file of weights: {one_line(error)[:100]}"
        ) from None
    if not isinstance(weights, Mapping):
        raise InputError(f"backbone {name}: holds no weights by name")
    try:
        network = EfficientNetLite(weights)
    except ValueError as error:
        raise InputError(f"backbone {name}: isn't {PACKAGED}: {error}") from None
    return Backbone(name, hashlib.sha256(content).hexdigest(), network)


def _load_timm(name: str) -> Backbone:
    """Load a network of timm.

    Raises:
        InputError: If timm or its weights aren't there.
    """
    try:
        timm = importlib.import_module("timm")
    except ModuleNotFoundError:
        raise InputError(
            f"backbone {name}: needs timm; install it with: pip install timm"
        ) from None
    model = name.removeprefix(TIMM_PREFIX)
    try:
        network = timm.create_model(model, pretrained=True, features_only=True)
    except Exception as error:  # timm raises nearly anything for unknown names and lost networks
        raise InputError(f"backbone {name}: timm can't load it: {one_line(error)[:200]}") from None
    network.eval().requires_grad_(False)
    hashed = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        hashed.update(key.encode() + value.cpu().numpy().tobytes())
    return Backbone(name, hashed.hexdigest(), _Timm(network))


class _Timm(nn.Module):
    """The last three maps of a network of timm; pictures as ImageNet's networks expect them."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Maps:
        """As of a :class:`Backbone`'s network."""
        mean, deviation = (
            torch.tensor(each).to(pictures)[:, None, None]
            for each in (IMAGENET_MEAN, IMAGENET_DEVIATION)
        )
        maps: Maps = self.network(((pictures + 1) / 2 - mean) / deviation)
        return maps[-3:]
