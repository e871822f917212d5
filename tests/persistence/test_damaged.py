"""What can't be loaded says why."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
from hashlib import sha256

import numpy as np
import pytest
import safetensors.numpy

from anomgan import InputError, load
from anomgan.persistence import model_store as store


def rewrite(folder, change=lambda description: None, change_arrays=lambda arrays: None):
    """Forge a model whose checksums are right."""
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    arrays = safetensors.numpy.load_file(folder / "weights.safetensors")
    change_arrays(arrays)
    reseal(folder, description, safetensors.numpy.save(arrays), change)


def reseal(folder, description, weights, change=lambda description: None):
    (folder / "weights.safetensors").write_bytes(weights)
    description["weights"] = {"bytes": len(weights), "sha256": sha256(weights).hexdigest()}
    change(description)
    description.pop("sha256")
    (folder / "model.json").write_bytes(store._serialize(description))


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def change_a_digit(folder):
    text = (folder / "model.json").read_text(encoding="utf-8")
    at = text.index('"center": ') + len('"center": ')
    digit = "2" if text[at] == "1" else "1"
    (folder / "model.json").write_text(text[:at] + digit + text[at + 1 :])


def swap_weights_for_pickle(folder):
    description = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    reseal(folder, description, pickle.dumps(Trap()))


class Trap:
    """A pickle that shows when it is opened."""

    sprung = False

    @staticmethod
    def spring():
        Trap.sprung = True

    def __reduce__(self):
        return Trap.spring, ()


def json_of(text):
    return lambda folder: (folder / "model.json").write_bytes(text)


def cut(name, size):
    return lambda folder: os.truncate(folder / name, size)


def forged(path, value):
    """Set an entry of ``model.json``."""

    def change(description):
        *outer, last = path.split("/")
        for key in outer:
            description = description[int(key) if key.isdigit() else key]
        description[int(last) if last.isdigit() else last] = value

    return lambda folder: rewrite(folder, change)


def forged_array(name, change):
    """Change an array in ``weights.safetensors``; None removes it."""

    def apply(arrays):
        arrays[name] = change(arrays.get(name))
        if arrays[name] is None:
            del arrays[name]

    return lambda folder: rewrite(folder, change_arrays=apply)


def fill(number):
    return lambda array: np.full_like(array, number)


WEIGHT = "gan.generator.head.weight"


DAMAGED = {
    "nothing there": (shutil.rmtree, "no such model directory; fit a model first"),
    "empty folder": (lambda f: [p.unlink() for p in f.iterdir()], r"has no model\.json"),
    "no model.json": (lambda f: (f / "model.json").unlink(), r"has no model\.json"),
    "folder model.json": (
        lambda f: ((f / "model.json").unlink(), (f / "model.json").mkdir()),
        r"has no model\.json",
    ),
    "foreign model.json": (json_of(b'{"learner": {}}'), r"model\.json isn't anomgan's"),
    "list in model.json": (json_of(b"[1, 2]"), r"model\.json isn't anomgan's"),
    "empty model.json": (json_of(b""), r"model\.json isn't anomgan's"),
    "binary model.json": (json_of(bytes(range(256))), r"model\.json isn't anomgan's"),
    "deep model.json": (json_of(b"[" * 10**6), r"model\.json isn't anomgan's"),
    "deep model.json of ours": (
        json_of(b'{"anomgan": ' + b"[" * 10**6),
        r"damaged: model\.json isn't whole",
    ),
    "cut model.json": (cut("model.json", 2000), r"damaged: model\.json isn't whole"),
    "changed digit": (change_a_digit, r"model\.json isn't as it was written"),
    "long number": (json_of(b'{"anomgan": ' + b"9" * 5000 + b"}"), "damaged: model.json isn't"),
    "newer": (forged("format_version", 4), r"a newer anomgan \(format 4\); upgrade anomgan"),
    "older": (forged("format_version", 2), r"an older anomgan \(format 2\); fit it again"),
    "version 0": (forged("format_version", 0), "its format version is 0"),
    "version true": (forged("format_version", True), "its format version is True"),
    "version text": (forged("format_version", "1"), "its format version is '1'"),
    "unknown method": (forged("method", "crystal ball"), "its method 'crystal ball' isn't known"),
    "method of lists": (forged("method", []), r"its method \[\] isn't known"),
    "no weights": (
        lambda f: (f / "weights.safetensors").unlink(),
        "weights.safetensors is missing",
    ),
    "weights unknown": (forged("weights", 7), "says nothing of weights"),
    "cut weights": (cut("weights.safetensors", 999), "has 999 bytes instead of"),
    "flipped bit in header": (lambda f: flip(f / "weights.safetensors", 9), "as it was written"),
    "flipped bit in weights": (lambda f: flip(f / "weights.safetensors", -9), "as it was written"),
    "pickle": (swap_weights_for_pickle, "isn't in the safetensors format"),
    "NaN": (forged_array(WEIGHT, fill(np.nan)), f"{WEIGHT} holds something else than finite"),
    "infinity": (forged_array("gan.views.scale", fill(np.inf)), "something else than finite"),
    "integers": (forged_array(WEIGHT, lambda w: w.astype(np.int32)), "something else than finite"),
    "scale 0": (forged_array("gan.views.scale", fill(0.0)), "score isn't a number"),
    "weights of another shape": (forged_array(WEIGHT, lambda w: w[:, :-1]), "has shape"),
    "missing array": (forged_array(WEIGHT, lambda w: None), "has shape None"),
    "further array": (forged_array("gan.extra", lambda w: np.zeros(3)), "ask for None"),
    "no scales": (forged_array("gan.views.loc", lambda w: None), "no entry 'gan.views.loc'"),
    "scales of nothing": (forged_array("gan.views.loc", lambda w: w[:0]), "settings of another"),
    "scalar scales": (
        forged_array("gan.views.loc", lambda w: np.array(w[0, 0, 0])),
        "belong together",
    ),
    "no component": (forged_array("component.deviation.mean", lambda w: None), "don't fit"),
    "component of another shape": (
        forged_array("component.deviation.map", lambda w: w[:, :-1]),
        "don't fit together",
    ),
    "fewer scales": (forged_array("scaler.centre", lambda w: w[:1]), "scales of other components"),
    "no calibration": (forged_array("calibrator.scores", lambda w: w[:0]), "no calibration scores"),
    "calibration upside down": (
        forged_array("calibrator.scores", lambda w: w[::-1].copy()),
        "aren't sorted",
    ),
    "huge layer": (forged("config/hidden", 10**9), "has shape"),
    "very many layers": (forged("config/layers", 10**9), "settings of another model"),
    "very many members": (forged("config/members", 10**9), "settings of another model"),
    "unknown setting": (forged("config/colour", "red"), "unknown setting 'colour'"),
    "setting of text": (forged("config/latent", "many"), "latent='many' must be"),
    "unknown view": (forged("config/views", ["rosy"]), "views='rosy' must be one of"),
    "unknown kind of score": (forged("config/score", "guess"), "score='guess' must be one of"),
    "schema of text": (forged("schema", "none"), "belong together"),
    "column without kind": (forged("schema/columns/0/kind", "x"), "no entry 'x'"),
    "another layout": (forged("spec/spans/0/name", "x"), "columns and layout disagree"),
    "more levels": (forged("schema/columns/2/levels", ["a"]), "columns and layout disagree"),
    "curve of numbers": (forged("curve", [1, 2]), "belong together"),
    "no estimator": (forged("estimator", None), "damaged: TypeError"),
    "other columns": (forged("estimator/columns", ["x"]), "two lists of columns disagree"),
    "unknown parameter": (forged("estimator/params/x", 1), "unexpected keyword argument 'x'"),
    "offset of text": (forged("estimator/offset", "low"), "estimator/offset is of another kind"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_what_can_not_be_loaded_says_why(saved, case):
    damage, message = DAMAGED[case]
    damage(saved)
    with pytest.raises(InputError, match=message) as caught:
        load(saved)
    assert str(caught.value).startswith(f"{saved}: ")
    assert "\n" not in str(caught.value)
    assert not Trap.sprung


def test_the_trap_works():
    pickle.loads(pickle.dumps(Trap()))
    assert Trap.sprung
    Trap.sprung = False


def test_a_file_is_no_model(tmp_path):
    (tmp_path / "model").write_text("")
    with pytest.raises(InputError, match="is a file, not a model directory"):
        load(tmp_path / "model")


def test_large_description_is_not_read(saved, monkeypatch):
    os.truncate(saved / "model.json", 10**13)  # as a file with holes; nobody has so much memory
    monkeypatch.setattr(store, "MAX_JSON_BYTES", 1000)
    with pytest.raises(InputError, match=r"model\.json is larger than 1,000 bytes"):
        load(saved)


def test_large_description_is_not_written(detector, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MAX_JSON_BYTES", 1000)
    with pytest.raises(InputError, match="too many levels"):
        detector.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_what_may_not_be_read_is_told(saved, monkeypatch):
    def denied(path, flags):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(store, "_open", denied)
    with pytest.raises(InputError, match="can't read the model: Permission denied"):
        load(saved)


def test_unpickling_a_newer_model_says_so(detector, monkeypatch):
    monkeypatch.setattr(store, "FORMAT_VERSION", 4)
    data = pickle.dumps(detector)
    monkeypatch.undo()
    with pytest.raises(InputError, match="written by a newer anomgan"):
        pickle.loads(data)
