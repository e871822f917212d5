from __future__ import annotations

import errno
import json
import math
import os
import pickle
import shutil
import stat
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy

from anomgan import GANDetector, InputError, directory, load, store
from anomgan.gans import GAN

TINY = {
    "steps": 8,
    "members": 2,
    "hidden": 16,
    "layers": 1,
    "latent": 4,
    "batch": 32,
    "inversion_steps": 1,
    "search_steps": 3,
    "memory_rows": 60,
}


def table(rows=120, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": rng.lognormal(size=rows),
            "count": np.where(rng.random(rows) < 0.1, np.nan, rng.poisson(3, rows)),
            "kind": rng.choice(["a", "b", "ü"], rows),
            "open": rng.random(rows) < 0.3,
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, rows), "s"),
        }
    )


def fitted(seed=0, **params):
    return GANDetector(settings=TINY, random_state=seed, **params).fit(table())


@pytest.fixture(scope="module")
def detector():
    return fitted()


@pytest.fixture(scope="module")
def newer():
    return fitted(seed=1)


@pytest.fixture(scope="module")
def original(detector, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "model"
    detector.save(folder)
    return folder


@pytest.fixture
def saved(original, tmp_path):
    """A copy of the model directory, to be maltreated."""
    return Path(shutil.copytree(original, tmp_path / "model"))


def same_scores(one, other):
    rows = table(30, seed=5)
    return np.array_equal(one.score_samples(rows), other.score_samples(rows))


def beside(folder):
    """What else lies in the folder's parent."""
    return {path.name for path in folder.parent.iterdir()} - {folder.name}


# --- what is written ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(n for n, g in GAN.registry.items() if "tables" in g.kinds))
def test_every_method_scores_the_same_after_the_round_trip(name, tmp_path):
    condition = "kind" if GAN.registry[name].conditional else None
    before = fitted(method=name, condition=condition)
    before.save(tmp_path / "model")
    after = load(tmp_path / "model")
    assert same_scores(before, after)
    assert after.method == name
    assert after.sample(5, 0).equals(before.sample(5, 0))


def test_everything_comes_back(detector, original):
    loaded = load(original)
    assert loaded.get_params() == detector.get_params()
    assert loaded.training_facts_ == detector.training_facts_
    assert loaded.offset_ == detector.offset_
    assert loaded.encoder_ == detector.encoder_
    assert loaded.detector_.training == detector.detector_.training
    assert list(loaded.feature_names_in_) == list(table().columns)
    assert loaded.n_features_in_ == 5
    rows = table(30, seed=5)
    assert np.array_equal(loaded.p_values(rows), detector.p_values(rows))
    assert loaded.components(rows).equals(detector.components(rows))


def test_a_loaded_model_can_be_saved_again(original, tmp_path):
    load(original).save(tmp_path / "again")
    for name in directory.FILES:
        assert (tmp_path / "again" / name).read_bytes() == (original / name).read_bytes()


def test_directory_holds_strict_json_and_safetensors(original):
    assert {path.name for path in original.iterdir()} == {"model.json", "weights.safetensors"}

    def refuse(constant):
        raise AssertionError(constant)

    text = (original / "model.json").read_text(encoding="utf-8")
    description = json.loads(text, parse_constant=refuse)
    assert '"ü"' in text  # people read this file
    assert description["format_version"] == store.FORMAT_VERSION
    assert description["method"] == "gan"
    assert [column["name"] for column in description["schema"]["columns"]] == list(table().columns)
    weights = (original / "weights.safetensors").read_bytes()
    assert description["weights"]["sha256"] == sha256(weights).hexdigest()
    arrays = safetensors.numpy.load(weights)
    assert arrays["gan.generator.head.weight"].dtype == np.float32
    assert np.array_equal(arrays["calibrator.scores"], np.sort(arrays["calibrator.scores"]))


def test_what_is_stored_of_a_random_state_is_its_seed(tmp_path):
    fitted(seed=np.random.RandomState(3)).save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.random_state == again.training_facts_["seed"]
    assert same_scores(again, fitted(seed=again.random_state))


def test_plain_data():
    value = {1: (np.float64(2.5), np.int8(3), np.nan), "b": np.array([1.0, np.inf]), "c": None}
    assert store.plain(value) == {"1": [2.5, 3, None], "b": [1.0, None], "c": None}
    with pytest.raises(InputError, match="can't be stored"):
        store.plain(object())


def test_losses_that_are_no_numbers_survive(detector):
    model = store.Model(detector.encoder_, detector.detector_, {})
    description, arrays = store.pack(model)
    description["curve"][0][2]["encoder"] = None
    assert math.isnan(
        store.unpack(description, arrays).detector.training.curve[0].losses["encoder"]
    )


# --- where it is written --------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize(("mask", "folder", "file"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600)])
def test_permissions_follow_the_umask(detector, tmp_path, mask, folder, file):
    before = os.umask(mask)
    try:
        detector.save(tmp_path / "model")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "model").stat().st_mode) == folder
    for name in directory.FILES:
        assert stat.S_IMODE((tmp_path / "model" / name).stat().st_mode) == file


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_replaced_folder_keeps_its_permissions(newer, saved):
    saved.chmod(0o750)
    newer.save(saved)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o750


@pytest.mark.parametrize("exchange", [True, False], ids=["in one step", "in two steps"])
def test_saving_replaces_an_older_model(newer, saved, monkeypatch, exchange):
    if not exchange:
        monkeypatch.setattr(directory, "_exchange", lambda one, other: False)
    newer.save(saved)
    assert same_scores(load(saved), newer)
    assert beside(saved) == set()


def test_an_empty_folder_becomes_the_model(detector, tmp_path):
    (tmp_path / "model").mkdir()
    detector.save(tmp_path / "model")
    assert same_scores(load(tmp_path / "model"), detector)
    assert beside(tmp_path / "model") == set()


def test_parents_are_made(detector, tmp_path):
    detector.save(str(tmp_path / "a" / "b" / "model"))
    assert same_scores(load(str(tmp_path / "a" / "b" / "model")), detector)


@pytest.mark.parametrize("there", [True, False], ids=["to a model", "to nothing"])
def test_a_symbolic_link_stays(newer, saved, tmp_path, there):
    if not there:
        shutil.rmtree(saved)
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(saved)
    newer.save(link)
    assert link.is_symlink()
    assert same_scores(load(saved), newer)
    assert same_scores(load(link), newer)


def foreign_folder(folder):
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")


def foreign_model(folder):
    folder.mkdir()
    (folder / "model.json").write_text('{"learner": {}, "version": [2, 0, 0]}')


def file_in_the_way(folder):
    folder.write_text("years of work")


def file_above(folder):
    folder.parent.write_text("years of work")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (foreign_folder, "isn't a model; it won't be overwritten"),
        (foreign_model, "isn't a model; it won't be overwritten"),
        (file_in_the_way, "is a file; name a folder"),
        (file_above, "is a file; name another folder"),
    ],
)
def test_what_is_no_model_is_never_overwritten(detector, tmp_path, make, message):
    folder = tmp_path / "sub" / "model"
    if make is not file_above:
        folder.parent.mkdir()
    make(folder)
    kept = {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}
    for attempt in (directory.check_target, detector.save):
        with pytest.raises(InputError, match=message) as caught:
            attempt(folder)
        assert str(caught.value).startswith(f"{folder}: ")
    assert {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")} == kept


def test_files_beside_a_model_are_not_deleted(newer, detector, saved):
    (saved / "notes.txt").write_text("keep")
    with pytest.raises(InputError, match=r"would delete other files there: 'notes\.txt'"):
        newer.save(saved)
    assert (saved / "notes.txt").read_text(encoding="utf-8") == "keep"
    assert same_scores(load(saved), detector)


@pytest.mark.parametrize("name", [".", "../model"])
def test_the_current_folder_is_not_pulled_from_under_the_user(
    newer, detector, saved, monkeypatch, name
):
    monkeypatch.chdir(saved)
    with pytest.raises(InputError, match="is the current folder"):
        newer.save(name)
    assert same_scores(load("."), detector)


def test_a_damaged_model_of_ours_can_be_replaced(newer, saved):
    whole = (saved / "model.json").read_bytes()
    (saved / "model.json").write_bytes(whole[:100])
    (saved / "weights.safetensors").unlink()
    newer.save(saved)
    assert same_scores(load(saved), newer)


def test_write_protection_is_respected(newer, saved, monkeypatch):
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda p, m: Path(p) != saved and allowed(p, m))
    with pytest.raises(InputError, match="write-protected"):
        newer.save(saved)
    monkeypatch.setattr(os, "access", lambda p, m: Path(p) != saved.parent and allowed(p, m))
    with pytest.raises(InputError, match="can't write to"):
        newer.save(saved)
    with pytest.raises(InputError, match="can't write to"):
        newer.save(saved.parent / "new" / "model")


def test_a_mounted_disk_is_not_replaced(newer, saved, monkeypatch):
    monkeypatch.setattr(Path, "is_mount", lambda path: path == saved)
    with pytest.raises(InputError, match="is where a disk is mounted"):
        newer.save(saved)


# --- trouble on the way ---------------------------------------------------------------------------

STEPS = ["_write weights", "_write description", "_sync", "_swap"]


def break_at(monkeypatch, step, error):
    """Let a step of saving fail."""
    name, _, which = step.partition(" ")
    real = getattr(directory, name)

    def broken(*args):
        if which == "description" and args[0].name != "model.json":
            return real(*args)
        if name == "_write":
            args[0].write_bytes(args[1][:50])
        raise error

    monkeypatch.setattr(directory, name, broken)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "No space left on device; free some space"),
        (errno.EACCES, "Permission denied; name a folder elsewhere"),
        (errno.EROFS, "Read-only file system; name a folder elsewhere"),
    ],
)
def test_an_error_leaves_all_as_it_was(newer, detector, saved, monkeypatch, step, code, message):
    break_at(monkeypatch, step, OSError(code, os.strerror(code)))
    with pytest.raises(InputError, match=message):
        newer.save(saved)
    assert same_scores(load(saved), detector)
    assert beside(saved) == set()


def test_a_full_disk_leaves_nothing_where_nothing_was(newer, tmp_path, monkeypatch):
    break_at(monkeypatch, "_write weights", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(InputError, match="No space left"):
        newer.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


class KilledError(BaseException):
    """Ends a save as a kill would, with no clearing up."""


@pytest.mark.parametrize("step", [*STEPS, "_sync parent"])
def test_a_kill_leaves_one_whole_model(newer, detector, saved, monkeypatch, step):
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", lambda *args, **kwargs: None)
        if step == "_sync parent":  # the swap is over
            real = directory._sync

            def broken(folder):
                real(folder)
                if folder == saved.parent:
                    raise KilledError

            patch.setattr(directory, "_sync", broken)
        else:
            break_at(patch, step, KilledError)
        with pytest.raises(KilledError):
            newer.save(saved)
    assert len(beside(saved)) == 1
    assert same_scores(load(saved), newer if step == "_sync parent" else detector)
    newer.save(saved)
    assert beside(saved) == set()
    assert same_scores(load(saved), newer)


KILL_BETWEEN_MOVES = """
import os, signal, sys
from pathlib import Path
from anomgan import directory, load

folder, source = sys.argv[1:]
directory._exchange = lambda one, other: False
rename = Path.rename
def killed_after(path, target):
    rename(path, target)
    os.kill(os.getpid(), signal.SIGKILL)
Path.rename = killed_after
load(source).save(folder)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_kill_between_two_moves_loses_no_model(newer, detector, saved, tmp_path):
    newer.save(tmp_path / "newer")
    command = [sys.executable, "-c", KILL_BETWEEN_MOVES, str(saved), str(tmp_path / "newer")]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == -9, done.stderr
    assert not saved.exists()
    assert same_scores(load(saved), detector)
    newer.save(saved)
    assert same_scores(load(saved), newer)
    assert beside(saved) == {"newer"}


def test_an_error_between_two_moves_takes_the_first_one_back(newer, detector, saved, monkeypatch):
    monkeypatch.setattr(directory, "_exchange", lambda one, other: False)
    rename, moves = Path.rename, []

    def second_fails(path, target):
        moves.append(target)
        if len(moves) == 2:
            raise OSError(errno.EIO, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", second_fails)
    with pytest.raises(InputError, match="Input/output error"):
        newer.save(saved)
    assert same_scores(load(saved), detector)
    assert beside(saved) == set()


def test_a_model_moved_aside_outlives_a_failed_save(newer, detector, saved, monkeypatch):
    saved.rename(saved.with_name(".model.anomgan-old"))
    break_at(monkeypatch, "_write weights", OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(InputError):
        newer.save(saved)
    assert same_scores(load(saved), detector)


@pytest.mark.skipif(os.name != "posix", reason="locks of POSIX")
def test_what_another_save_is_writing_is_left_alone(newer, saved, monkeypatch):
    import fcntl

    at_work = saved.with_name(".model.anomgan-new-12345678")
    at_work.mkdir()
    monkeypatch.setattr(directory, "PATIENCE", 0.1)
    handle = os.open(saved.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        newer.save(saved)
    finally:
        os.close(handle)
    assert same_scores(load(saved), newer)
    assert at_work.exists()
    newer.save(saved)
    assert not at_work.exists()


def test_a_model_swapped_while_it_is_read_is_read_again(newer, saved, monkeypatch):
    real, swapped = store._arrays, []

    def swap_first(*args):
        if not swapped:
            swapped.append(True)
            newer.save(saved)
        return real(*args)

    monkeypatch.setattr(store, "_arrays", swap_first)
    assert same_scores(load(saved), newer)


# --- what can't be loaded -------------------------------------------------------------------------


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
    (folder / "model.json").write_bytes(store._sealed(description))


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
    "newer": (forged("format_version", 3), r"a newer anomgan \(format 3\); upgrade anomgan"),
    "older": (forged("format_version", 1), r"an older anomgan \(format 1\); fit it again"),
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
    "no component": (forged_array("component.neighbours.f.mean", lambda w: None), "don't fit"),
    "component of another shape": (
        forged_array("component.neighbours.f.map", lambda w: w[:, :-1]),
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
    monkeypatch.setattr(store, "MOST_JSON", 1000)
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("read"))
    with pytest.raises(InputError, match=r"model\.json is larger than 1,000 bytes"):
        load(saved)


def test_large_description_is_not_written(detector, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MOST_JSON", 1000)
    with pytest.raises(InputError, match="too many levels"):
        detector.save(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_what_may_not_be_read_is_told(saved, monkeypatch):
    def denied(path):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(InputError, match="can't read the model: Permission denied"):
        load(saved)


def test_unpickling_a_newer_model_says_so(detector, monkeypatch):
    monkeypatch.setattr(store, "FORMAT_VERSION", 3)
    data = pickle.dumps(detector)
    monkeypatch.undo()
    with pytest.raises(InputError, match="written by a newer anomgan"):
        pickle.loads(data)
