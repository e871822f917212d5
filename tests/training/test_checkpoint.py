"""A fit that is interrupted anywhere goes on to what an unbroken one gives, to the last bit."""

from __future__ import annotations

import importlib.metadata
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, load
from anomgan.errors import DataWarning, InputError
from anomgan.gans import GAN
from anomgan.training import ensemble
from anomgan.training.checkpoint import ABOUT, ARRAYS, Checkpoint
from anomgan.training.history import Progress

STEPS = 12
TINY = {
    "steps": STEPS,
    "members": 2,
    "hidden": 8,
    "latent": 2,
    "batch": 16,
    "inversion_steps": 1,
    "memory_rows": 50,
    "checks": 3,
    "cross_fit_below": 0,
    "spectral_norm": "on",
}
TOTAL = 2 * STEPS  # the GAN, then the encoder


class Stop(BaseException):
    """Somebody pulled the plug."""


def stop_after(step: int, *, call: int = 0) -> Callable[[Progress], None]:
    """A callback that stops the fit before the state of this step is kept."""
    calls = -1

    def listen(progress: Progress) -> None:
        nonlocal calls
        calls += progress.step == 1
        if (calls, progress.step) == (call, step + 1):
            raise Stop

    return listen


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"])


def detector(**changes: Any) -> GANDetector:
    return GANDetector(settings=TINY | changes, random_state=3)


@pytest.fixture(scope="module")
def whole(rows: pd.DataFrame) -> GANDetector:
    return detector().fit(rows)


def assert_same(found: GANDetector, expected: GANDetector, rows: pd.DataFrame) -> None:
    np.testing.assert_array_equal(found.score_samples(rows), expected.score_samples(rows))
    assert found.history_ == expected.history_
    assert found.offset_ == expected.offset_


@pytest.mark.parametrize("step", [1, 2, 5, STEPS - 1, STEPS, STEPS + 1, 17, TOTAL - 1])
def test_it_goes_on_from_any_step(
    rows: pd.DataFrame, whole: GANDetector, tmp_path: Path, step: int
) -> None:
    folder = tmp_path / "partial"
    with pytest.raises(Stop):
        detector().fit(rows, callback=stop_after(step), checkpoint=Checkpoint(folder, every=0))
    told: list[int] = []
    found = detector().fit(
        rows,
        callback=lambda progress: told.append(progress.step),
        checkpoint=Checkpoint(folder, every=0, resume=True),
    )
    assert told == list(range(step + 1, TOTAL + 1))
    assert_same(found, whole, rows)


@pytest.mark.parametrize("name", sorted(n for n, g in GAN.registry.items() if "tables" in g.kinds))
def test_every_method_goes_on_with_mixed_columns(
    rows: pd.DataFrame, tmp_path: Path, name: str
) -> None:
    table = rows.assign(colour=["red", "green", None] * 40, machine=["p", "q"] * 60)

    def fresh() -> GANDetector:
        settings = TINY | {"steps": 4}
        return GANDetector(name, settings=settings, random_state=1, condition="machine")

    folder = tmp_path / "partial"
    with pytest.raises(Stop):
        fresh().fit(table, callback=stop_after(3), checkpoint=Checkpoint(folder, every=0))
    found = fresh().fit(table, checkpoint=Checkpoint(folder, every=0, resume=True))
    assert_same(found, fresh().fit(table), table)


def test_it_can_be_interrupted_again_and_again(
    rows: pd.DataFrame, whole: GANDetector, tmp_path: Path
) -> None:
    folder = tmp_path / "partial"
    for step in (3, 4, 14, 20):
        checkpoint = Checkpoint(folder, every=0, resume=True)

        def listen(progress: Progress, step: int = step) -> None:
            if progress.step > step:
                raise Stop

        with pytest.raises(Stop):
            detector().fit(rows, callback=listen, checkpoint=checkpoint)
    found = detector().fit(rows, checkpoint=Checkpoint(folder, every=0, resume=True))
    assert_same(found, whole, rows)


@pytest.mark.parametrize("step", [4, 15])
@pytest.mark.parametrize("call", [0, 1])
def test_it_goes_on_while_members_are_trained_anew(
    rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int, step: int
) -> None:
    # Of three members the last fails; trained anew, alone, it does well.
    monkeypatch.setattr(
        ensemble, "find_failed", lambda gan, health: [2] if gan.views.members == 3 else []
    )
    monkeypatch.setattr(ensemble, "warn_failed", lambda *_: None)
    expected = detector(members=3).fit(rows)
    assert expected.history_.restarted == [2]
    folder = tmp_path / "partial"
    with pytest.raises(Stop):
        detector(members=3).fit(
            rows, callback=stop_after(step, call=call), checkpoint=Checkpoint(folder, every=0)
        )
    told: list[int] = []
    found = detector(members=3).fit(
        rows,
        callback=lambda progress: told.append(progress.step),
        checkpoint=Checkpoint(folder, every=0, resume=True),
    )
    assert told[0] == step + 1
    assert len(told) == (2 - call) * TOTAL - step
    assert_same(found, expected, rows)


def test_a_fit_of_something_else_is_refused(rows: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "partial"
    with pytest.raises(Stop):
        detector().fit(rows, callback=stop_after(3), checkpoint=Checkpoint(folder, every=0))
    for other, table in (
        (detector(), rows + 1e-9),
        (detector(hidden=9), rows),
        (GANDetector(settings=TINY, random_state=4), rows),
        (GANDetector("wgan-gp", settings=TINY, random_state=3), rows),
    ):
        with pytest.raises(InputError, match="belongs to a fit of other rows, settings or seed"):
            other.fit(table, checkpoint=Checkpoint(folder, every=0, resume=True))
    assert {path.name for path in folder.iterdir()} == {ABOUT, ARRAYS}


def test_a_short_fit_leaves_nothing(rows: pd.DataFrame, tmp_path: Path) -> None:
    detector().fit(rows, checkpoint=Checkpoint(tmp_path / "partial"))
    assert not list(tmp_path.iterdir())


def test_checkpoints_change_nothing_and_are_removed(
    rows: pd.DataFrame, whole: GANDetector, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "partial", every=0)
    assert_same(detector().fit(rows, checkpoint=checkpoint), whole, rows)
    assert (tmp_path / "partial").is_dir()
    checkpoint.remove()
    assert not list(tmp_path.iterdir())


def test_what_is_damaged_or_not_ours_is_refused(rows: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "partial"
    with pytest.raises(Stop):
        detector().fit(rows, callback=stop_after(3), checkpoint=Checkpoint(folder, every=0))
    about = json.loads((folder / ABOUT).read_text())
    (folder / ABOUT).write_text(json.dumps(about | {"current": about["current"] | {"stage": "x"}}))
    with pytest.raises(InputError, match="is damaged: its parts don't belong together"):
        detector().fit(rows, checkpoint=Checkpoint(folder, every=0, resume=True))
    (folder / ARRAYS).write_bytes((folder / ARRAYS).read_bytes()[:-4])
    with pytest.raises(InputError, match=r"is damaged: .* isn't as it was written; remove it"):
        Checkpoint(folder, resume=True)
    (folder / "thesis.tex").touch()
    with pytest.raises(InputError, match="is where checkpoints belong; move it away"):
        Checkpoint(folder)


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_fit(
    rows: pd.DataFrame, whole: GANDetector, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "partial", every=0)
    tmp_path.rmdir()
    tmp_path.write_text("not a folder")
    with pytest.warns(DataWarning, match="no checkpoint: "):
        found = detector().fit(rows, checkpoint=checkpoint)
    assert_same(found, whole, rows)


# --- the command line -----------------------------------------------------------------------------


def arguments(folder: Path) -> list[str]:
    settings = [part for k, v in (TINY | {"steps": 150}).items() for part in ("--set", f"{k}={v}")]
    model = ["--model", str(folder / "model"), "--checkpoint-every", "0.01"]
    return ["fit", str(folder / "normal.csv"), *model, *settings]


def kill_and_resume(folder: Path, kills: int, seed: int) -> None:
    """Kill the command at random moments until it comes through; compare with an unbroken one."""
    delays, partial = random.Random(seed), folder / "model.partial"
    command = [sys.executable, "-m", "anomgan", *arguments(folder), "--resume"]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed = 0
    while True:
        process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
        if killed < kills:
            before = state_of(partial)
            while process.poll() is None and state_of(partial) == before:
                time.sleep(0.02)
            time.sleep(delays.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
        _, err = process.communicate()
        killed += process.returncode == -signal.SIGKILL
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 0, err
            break
        if (folder / "model").exists():
            load(folder / "model")  # whole
    assert killed >= 1
    assert not partial.exists()


def state_of(partial: Path) -> float | None:
    try:
        return partial.stat().st_ino
    except FileNotFoundError:
        return None


@pytest.mark.parametrize("kills", [1, pytest.param(30, marks=pytest.mark.slow)])
@pytest.mark.slow
def test_killed_at_random_moments(rows: pd.DataFrame, tmp_path: Path, kills: int) -> None:
    rows.to_csv(tmp_path / "normal.csv", index=False)
    kill_and_resume(tmp_path, kills, seed=kills)
    found = load(tmp_path / "model")
    table = pd.read_csv(tmp_path / "normal.csv")
    expected = GANDetector(settings=TINY | {"steps": 150}, random_state=0).fit(table)
    np.testing.assert_array_equal(found.score_samples(table), expected.score_samples(table))


def test_the_command_says_what_it_finds(
    rows: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [script] = importlib.metadata.entry_points(group="console_scripts", name="anomgan")
    rows.to_csv(tmp_path / "normal.csv", index=False)

    def fit(*args: str) -> str:
        with pytest.raises(SystemExit) as stop:
            script.load()([*arguments(tmp_path), "--set", "steps=5", *args])
        assert not stop.value.code
        assert not (tmp_path / "model.partial").exists()
        return capsys.readouterr().err

    assert "model.partial: no interrupted fit; beginning anew" in fit("--resume")
    table = pd.read_csv(tmp_path / "normal.csv")
    checkpoint = Checkpoint(tmp_path / "model.partial", every=0)
    with pytest.raises(Stop):
        detector().fit(table, callback=stop_after(3), checkpoint=checkpoint)
    assert "left by an interrupted fit, which --resume would go on with" in fit()
