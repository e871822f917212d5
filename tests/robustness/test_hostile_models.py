"""Models from strangers: whoever forges one computes its checksums anew, so all of these are right.

Each is refused in one line, before memory is taken, and nothing in it runs.
"""

from __future__ import annotations

import io
import json
import marshal
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anomgan import GANDetector, InputError, load
from anomgan.scoring.fitted_ensemble import FittedEnsemble

TINY = {
    "steps": 8,
    "members": 2,
    "hidden": 8,
    "layers": 1,
    "latent": 4,
    "batch": 16,
    "inversion_steps": 1,
    "memory_rows": 40,
    "checks": 2,
}
WEIGHT = "gan.generator.head.weight"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of every kind of column, with a condition and two clocks."""
    rng = np.random.default_rng(0)
    rows = 80
    at = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, rows), "s")
    table = pd.DataFrame(
        {
            "size": rng.lognormal(size=rows),
            "kind": rng.choice(["a", "b", "ü"], rows),
            "open": rng.random(rows) < 0.4,
            "at": at,
            "until": at + pd.to_timedelta(rng.integers(0, 10**5, rows), "s"),
            "unit": "kg",
            "machine": rng.choice(["x", "y"], rows),
        }
    )
    with pytest.warns(UserWarning, match="'unit'"):
        detector = GANDetector("cgan", condition="machine", settings=TINY, random_state=0).fit(
            table
        )
    folder = tmp_path_factory.mktemp("hostile") / "model"
    detector.save(folder)
    return folder


@pytest.fixture
def model(original: Path, tmp_path: Path) -> Path:
    """A copy, to be forged."""
    return Path(shutil.copytree(original, tmp_path / "model"))


# --- forging --------------------------------------------------------------------------------------

Description = dict[str, Any]
Arrays = dict[str, np.ndarray]
Attack = Callable[[Path], object]


def described(folder: Path) -> Description:
    found: Description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return found


def seal(folder: Path, description: Description, weights: bytes | None = None) -> None:
    """Write a model whose checksums are right."""
    path = folder / "weights.safetensors"
    if weights is not None:
        path.write_bytes(weights)
        description["weights"] = {"bytes": len(weights), "sha256": sha256(weights).hexdigest()}
    description.pop("sha256", None)
    text = json.dumps(description, separators=(",", ":"), sort_keys=True)
    description = description | {"sha256": sha256(text.encode("ascii")).hexdigest()}
    (folder / "model.json").write_bytes(json.dumps(description).encode())


def entry(path: str, value: object) -> Attack:
    """Set an entry of ``model.json``."""

    def attack(folder: Path) -> None:
        description = place = described(folder)
        *outer, last = [int(key) if key.isdigit() else key for key in path.split("/")]
        for key in outer:
            place = place[key]  # type: ignore[index]
        place[last] = value  # type: ignore[index]
        seal(folder, description)

    return attack


def array(name: str, change: Callable[[Any], Any]) -> Attack:
    """Change an array of the weights."""

    def attack(folder: Path) -> None:
        arrays: Arrays = safetensors.numpy.load_file(folder / "weights.safetensors")
        arrays[name] = change(arrays.get(name))
        weights = safetensors.numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()})
        seal(folder, described(folder), weights)

    return attack


def text(change: Callable[[str], str]) -> Attack:
    """Change the text of ``model.json``."""

    def attack(folder: Path) -> None:
        path = folder / "model.json"
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    return attack


def weights(data: bytes) -> Attack:
    """Other weights altogether."""
    return lambda folder: seal(folder, described(folder), data)


def tensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file of any header."""
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(head) if length is None else length).to_bytes(8, "little") + head + data


def tensor(dtype: str = "F32", shape: object = (1,), offsets: object = (0, 4)) -> Description:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def linked(name: str, to: Callable[[Path], Path]) -> Attack:
    """Put a link in place of a file."""

    def attack(folder: Path) -> None:
        target = to(folder)
        if not target.exists():
            shutil.copy(folder / name, target)
        (folder / name).unlink()
        (folder / name).symlink_to(os.path.relpath(target, folder))

    return attack


def levels(*names: str) -> Attack:
    """Other levels of the category, with a layout and scales that agree."""

    def attack(folder: Path) -> None:
        description = described(folder)
        description["schema"]["columns"][1]["levels"] = list(names)
        seal(folder, description)

    return attack


BOMBS: dict[str, tuple[bytes, str]] = {
    "many lists": (b'{"anomgan": [' + b"[]," * (2**25) + b"[]]}", "too many values"),
    "many dicts": (b'{"anomgan": [' + b"{}," * (2**25) + b"{}]}", "too many values"),
    "many texts": (b'{"anomgan": [' + b'"ab",' * (2**24) + b'""]}', "too many values"),
    "deep": (b'{"anomgan": ' + b"[" * 2**20 + b"]" * 2**20 + b"}", "isn't whole"),
    "just not too deep": (
        b'{"anomgan": "1", "format_version": 3, "method": "gan", "sha256": "", "a": '
        + b"[" * 900
        + b"]" * 900
        + b"}",
        "isn't",
    ),
    "long number": (b'{"anomgan": ' + b"9" * 2**20 + b"}", "a number is too long"),
}
"""``model.json`` that would fill memory, and why it is refused."""

ATTACKS: dict[str, tuple[Attack, str]] = {
    # JSON
    **{
        name: (lambda folder, data=data: (folder / "model.json").write_bytes(data), message)
        for name, (data, message) in BOMBS.items()
    },
    "NaN": (text(lambda t: t.replace('"alpha": 0.05', '"alpha": NaN')), "NaN isn't JSON"),
    "infinity": (text(lambda t: t.replace("0.05", "-Infinity")), "-Infinity isn't JSON"),
    "a float beyond floats": (text(lambda t: t.replace("0.05", "1e999")), "a number is too large"),
    "a key twice": (
        text(lambda t: t.replace("{", '{"anomgan": "9", ', 1)),
        "a key comes twice",
    ),
    "a long text": (entry("method", "x" * 10**6), "isn't known to this anomgan"),
    "a text of many lines": (entry("method", "x\nTraceback\n" * 9), "isn't known to this anomgan"),
    "UTF-16": (
        lambda f: (f / "model.json").write_text((f / "model.json").read_text("utf-8"), "utf-16"),
        "isn't anomgan's",
    ),
    "half a surrogate pair": (
        entry("schema/columns/1/levels", ["a", "b", "\ud800"]),
        "surrogates not allowed",
    ),
    "half a surrogate pair as a name": (entry("schema/columns/0/name", "\ud800"), "disagree"),
    # the schema
    "no dict": (entry("schema", []), "belong together"),
    "columns of text": (entry("schema/columns", "size"), "belong together"),
    "a column twice": (entry("schema/columns/1/name", "size"), "share a name"),
    "no number for a centre": (entry("schema/columns/0/center", None), "'center'"),
    "text for a centre": (entry("schema/columns/0/center", "0"), "'center'"),
    "truth for a centre": (entry("schema/columns/0/center", True), "'center'"),
    "scale 0": (entry("schema/columns/0/scale", 0), "a scale of 0"),
    "a negative scale": (entry("schema/columns/0/scale", -1.0), "a scale of -1"),
    "7 for a truth value": (entry("schema/columns/0/missing", 7), "'missing'"),
    "a field too many": (entry("schema/columns/0/__class__", "os"), "'__class__'"),
    "a number for a name": (entry("schema/columns/0/name", 3), "'name'"),
    "a cycle of its own": (entry("schema/columns/3/cycles", ["moon"]), "'cycles'"),
    "a clock of its own": (entry("schema/columns/4/after", "open"), "another one than the first"),
    "levels of numbers": (entry("schema/columns/1/levels", [1, 2, 3]), "'levels'"),
    "a level twice": (levels("a", "a", "b"), "a level twice"),
    "more levels": (levels(*map(str, range(10**5))), "columns and layout disagree"),
    "fewer labels": (entry("schema/columns/2/labels", ["yes"]), "'labels'"),
    "a reason of its own": (entry("schema/dropped/0/1", "because"), "'reason'"),
    "a dropped column cut short": (entry("schema/dropped/0", ["unit"]), "belong together"),
    "a condition among columns": (entry("schema/columns/0/kind", "condition"), "belong together"),
    "cells of a gigabyte": (entry("schema/columns/0/dtype", "S1000000000"), "no dtype"),
    "cells of many parts": (entry("schema/columns/0/dtype", "(99999,)f8"), "no dtype"),
    "a time zone from any file": (
        entry("schema/columns/3/dtype", "datetime64[us, dateutil//etc/passwd]"),
        "no dtype",
    ),
    "a time zone from elsewhere": (
        entry("schema/columns/3/dtype", "datetime64[us, ../../etc/passwd]"),
        "no dtype",
    ),
    "another layout": (entry("spec/spans/0/width", 10**9), "columns and layout disagree"),
    # settings
    **{
        f"very much {key}": (entry(f"config/{key}", 10**9), "belong together")
        for key in ("members", "hidden", "layers", "latent", "starts", "search_steps")
    },
    "hidden and latent": (
        lambda f: (entry("config/hidden", 10**9)(f), entry("config/latent", 10**9)(f)),
        "belong together",
    ),
    "members below 0": (entry("config/members", -2), "must lie between"),
    "a setting too large for floats": (entry("config/hidden", 10**18), "must lie between"),
    "an unknown setting": (entry("config/command", "rm"), "unknown setting"),
    # weights
    "pickle for JSON": (
        lambda folder: (folder / "model.json").write_bytes(pickle.dumps({"anomgan": 1})),
        "isn't anomgan's",
    ),
    "NaN among weights": (array(WEIGHT, lambda w: np.full_like(w, np.nan)), "finite numbers"),
    "infinite scales": (array("gan.views.scale", lambda w: np.full_like(w, np.inf)), "finite num"),
    "negative scales": (array("gan.views.scale", lambda w: -w), "isn't positive"),
    "huge weights": (
        array("component.deviation.map", lambda w: np.full_like(w, 1e38)),
        "score isn't a number",
    ),
    "no memory": (array("component.memory.memory", lambda w: w[:, :0]), "isn't a number|fit"),
    "a narrow memory": (array("component.memory.memory", lambda w: w[..., :1]), "don't fit"),
    "negative spread": (array("scaler.spread", lambda w: -w), "isn't positive"),
    "upside down": (array("line", lambda w: w * [1, -1]), "is negative"),
    "something more": (array("payload", lambda _: np.zeros(9)), "unexpected array 'payload'"),
    "no calibration": (array("calibrator.scores", lambda w: w[:0]), "no calibration scores"),
    "unsorted calibration": (array("calibrator.scores", lambda w: w[::-1]), "aren't sorted"),
    "NaN in the calibration": (
        array("calibrator.scores", lambda w: np.r_[w[:-1], np.nan]),
        "finite numbers",
    ),
    "whole numbers": (array(WEIGHT, lambda w: w.astype(np.int64)), "finite numbers"),
    "half precision": (array(WEIGHT, lambda w: w.astype(np.float16)), "finite numbers"),
    # the header of the weights
    "an empty file": (weights(b""), "safetensors format"),
    "a long header": (weights(tensors({}, length=2**63)), "safetensors format"),
    "a header beyond the file": (weights(tensors({}, length=10**6)), "safetensors format"),
    "a header of no JSON": (weights(tensors(b"{]")), "safetensors format"),
    "a deep header": (weights(tensors(b'{"a":' * 10**5)), "safetensors format"),
    "data beyond the file": (
        weights(tensors({"a": tensor(offsets=(0, 2**40), shape=(2**38,))})),
        "safetensors format",
    ),
    "data that overlap": (
        weights(tensors({"a": tensor(), "b": tensor(offsets=(2, 6))}, bytes(6))),
        "safetensors format",
    ),
    "data the other way round": (
        weights(tensors({"a": tensor(offsets=(4, 0))}, bytes(4))),
        "safetensors format",
    ),
    "a shape that overflows": (
        weights(tensors({"a": tensor(shape=(2**32, 2**32, 2**32))}, bytes(4))),
        "safetensors format",
    ),
    "a negative shape": (weights(tensors({"a": tensor(shape=(-1,))}, bytes(4))), "safetensors fo"),
    "a dtype that disagrees": (weights(tensors({"a": tensor("F64")}, bytes(4))), "safetensors fo"),
    "an unknown dtype": (weights(tensors({"a": tensor("PY")}, bytes(4))), "safetensors format"),
    "an array twice": (
        weights(tensors(b'{"a":%s,"a":%s}' % ((json.dumps(tensor()).encode(),) * 2), bytes(4))),
        "safetensors format|belong together",
    ),
    "nothing in it": (weights(tensors({})), "no entry 'gan.views.loc'"),
    "bytes for a size": (entry("weights/bytes", "x" * 10**6), "instead of"),
    # files
    "model.json elsewhere": (
        linked("model.json", lambda folder: folder.parent / "secret.json"),
        r"model\.json is a link that leads out",
    ),
    "weights elsewhere": (
        linked("weights.safetensors", lambda folder: folder.parent / "secret"),
        r"weights\.safetensors is a link that leads out",
    ),
    "a device": (linked("model.json", lambda folder: Path("/dev/zero")), "has no model.json"),
    # what is said of the fit
    "no parameters": (entry("estimator/params", {}), "another method"),
    "settings of text": (entry("estimator/params/settings", {"steps": "many"}), "must be a whole"),
    "a seed of text": (entry("estimator/params/random_state", "x"), "damaged"),
    "a device of numbers": (entry("estimator/params/device", 7), "device is of another kind"),
    "an alpha of 2": (entry("estimator/alpha", 2), "an alpha of 2"),
    "an alpha of text": (entry("estimator/alpha", "nan"), "alpha is of another kind"),
    "a curve of text": (
        entry("estimator/probability", {"kind": "platt", "slope": "nan", "intercept": 0}),
        "can't have this 'slope'",
    ),
    "a curve that falls": (
        entry(
            "estimator/probability", {"kind": "isotonic", "score": [0, 1], "probability": [1, 0]}
        ),
        "doesn't rise from 0 to 1",
    ),
    "an offset of text": (entry("estimator/offset", "0"), "estimator/offset is of another"),
    "facts of a list": (entry("estimator/training", []), "estimator/training is of another"),
    "a seed gone": (entry("estimator/training/seed", None), "training/seed is of another"),
    "aside of text": (entry("estimator/training/set_aside", "id"), "set_aside is of another"),
    "layout of text": (entry("estimator/training/layout", ","), "training/layout is of another"),
    "steps too large": (entry("curve", [[10**18, 10**18, {"a": "b"}]]), "belong together"),
    "health of others": (entry("held_out/measures/coverage", [1.0]), "other members"),
    "health without a measure": (entry("held_out/measures", {}), "other members"),
    "strange members": (entry("restarted", [99]), "do not exist"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_forged_models_are_refused_in_one_line(model: Path, name: str) -> None:
    attack, message = ATTACKS[name]
    attack(model)
    with pytest.raises(InputError, match=message) as caught:
        load(model)
    said = str(caught.value)
    assert said.startswith(f"{model}: ")
    assert "\n" not in said
    assert len(said) < 1000


def test_the_model_itself_can_be_forged_and_loaded(model: Path) -> None:
    before = load(model)
    weights((model / "weights.safetensors").read_bytes())(model)
    entry("estimator/training/source", "forged")(model)
    entry("config/inversion_steps", 10**6)(model)  # slow at scoring, but not at loading
    after = load(model)
    assert after.training_facts_["source"] == "forged"
    assert after.offset_ == before.offset_


ODD = [None, True, -1, 2, 10**18, -0.0, 1e-320, 1e308, "", "nan", "é" * 300, [], [[0]], {"a": 1}]
"""Values that don't belong in most places."""


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_any_entry_may_be_odd(original: Path, model: Path, data: st.DataObject) -> None:
    description = place = described(original)
    while isinstance(place, dict | list) and place:
        outer = place
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = data.draw(st.sampled_from(keys))
        place = place[key]
        if data.draw(st.integers(0, 9)) == 0:  # whole branches, too
            break
    outer[key] = data.draw(st.sampled_from(ODD))
    seal(model, description)
    row = {"size": 1.0, "kind": "a", "open": True, "machine": "x", "unit": "kg"}
    moments = dict.fromkeys(("at", "until"), pd.Timestamp("2024-02-01"))
    try:
        scored = load(model).score_frame(pd.DataFrame([row | moments]))
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is fine
    else:
        assert np.isfinite(scored.score).all()
        assert (scored.p_value > 0).all()


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_pipe_that_takes_a_files_place(
    model: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (model / name).unlink()
    os.mkfifo(model / name)
    monkeypatch.setattr(Path, "is_file", lambda path: True)  # as it was a moment ago
    with pytest.raises(InputError, match=f"{name} isn't an ordinary file"):
        load(model)


def test_running_out_of_memory_is_not_damage(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(FittedEnsemble, "score", full)
    with pytest.raises(RuntimeError, match="allocate memory"):
        load(model)


def test_links_inside_the_folder_are_fine(model: Path) -> None:
    (model / "v1").mkdir()
    for name in ("model.json", "weights.safetensors"):
        (model / name).rename(model / "v1" / name)
        (model / name).symlink_to(f"v1/{name}")
    load(model)


def test_weights_that_overflow_give_an_error_rather_than_nan(original: Path) -> None:
    detector = load(original)
    layer = detector.ensemble_.gan.discriminator.net.layers[0]
    layer.weight.copy_(torch.full_like(layer.weight, 1e38))
    row = {"size": 1.0, "kind": "a", "open": True, "machine": "x", "unit": "kg"}
    moments = dict.fromkeys(("at", "until"), pd.Timestamp("2024-02-01"))
    with pytest.raises(InputError, match="gives row 0 no score that is a number"):
        detector.score_samples(pd.DataFrame([row | moments]))


# --- memory ---------------------------------------------------------------------------------------

LIMITED = """
import json, resource, sys
from pathlib import Path
import anomgan, anomgan.persistence.model_store
from anomgan import InputError, load

honest = load(sys.argv[1])
taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
room = taken + 1024 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (room, room))
for folder in sys.argv[2:]:
    try:
        load(folder)
    except InputError as error:
        print(json.dumps(str(error)))
    except MemoryError:
        print(json.dumps("out of memory"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_forged_models_are_refused_before_memory_is_taken(original: Path, tmp_path: Path) -> None:
    def holes(folder: Path) -> None:
        """Weights of 100 GB that take up no room on the disk, with a header that agrees."""
        size = 10**11
        head = tensors({"a": tensor(shape=(size // 4,), offsets=(0, size))})
        with (folder / "weights.safetensors").open("wb") as file:
            file.write(head)
            file.truncate(len(head) + size)
        entry("weights/bytes", len(head) + size)(folder)

    def text_with_holes(folder: Path) -> None:
        os.truncate(folder / "model.json", 10**11)

    chosen = ["many lists", "many dicts", "many texts", "deep", "long number", "hidden and latent",
              "very much hidden", "very much members", "very much layers", "a long text",
              "a long header", "data beyond the file", "a shape that overflows"]  # fmt: skip
    attacks = {name: ATTACKS[name][0] for name in chosen}
    attacks |= {"holes": holes, "text with holes": text_with_holes}
    for number, attack in enumerate(attacks.values()):
        attack(Path(shutil.copytree(original, tmp_path / str(number))))
    folders = [str(tmp_path / str(number)) for number in range(len(attacks))]
    command = [sys.executable, "-c", LIMITED, str(original), *folders]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = dict(zip(attacks, map(json.loads, done.stdout.splitlines()), strict=True))
    assert not [name for name, message in said.items() if "the model is damaged" not in message
                and "isn't known" not in message], said  # fmt: skip


# --- code -----------------------------------------------------------------------------------------


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return Path.touch, (self.path,)


def torch_archive(path: Path) -> bytes:
    buffer = io.BytesIO()
    torch.save(Bomb(path), buffer)
    return buffer.getvalue()


def object_array(path: Path) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb(path)], dtype=object), allow_pickle=True)
    return buffer.getvalue()


SAMPLES: dict[str, Callable[[Path], bytes]] = {
    "pickle": lambda path: pickle.dumps(Bomb(path)),
    "torch": torch_archive,
    "numpy": object_array,
    "marshal": lambda path: marshal.dumps(compile(f"open({str(path)!r}, 'w').close()", "", "exec")),
    "source": lambda path: f"open({str(path)!r}, 'w').close()".encode(),
    "yaml": lambda path: f"!!python/object/apply:os.mknod ['{path}']".encode(),
}
"""Files that run code in readers that let them: they make an empty file."""

READERS: dict[str, Callable[[bytes], object]] = {
    "pickle": pickle.loads,
    "torch": lambda data: torch.load(io.BytesIO(data), weights_only=False),
    "numpy": lambda data: np.load(io.BytesIO(data), allow_pickle=True),
    "marshal": lambda data: exec(marshal.loads(data)),
    "source": lambda data: exec(data),
}


@pytest.mark.parametrize("kind", READERS)
def test_the_samples_are_live(kind: str, tmp_path: Path) -> None:
    data = SAMPLES[kind](tmp_path / "proof")
    READERS[kind](data)
    assert (tmp_path / "proof").exists()


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
@pytest.mark.parametrize("kind", SAMPLES)
def test_code_in_a_model_never_runs(model: Path, tmp_path: Path, kind: str, name: str) -> None:
    data = SAMPLES[kind](tmp_path / "proof")
    if name == "model.json":
        (model / name).write_bytes(data)
    else:
        seal(model, described(model), data)
    with pytest.raises(InputError):
        load(model)
    assert not (tmp_path / "proof").exists()
