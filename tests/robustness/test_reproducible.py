"""The same seed, the same scores: across processes, chunks, threads, copies, versions."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from anomgan import GANDetector, load
from anomgan.data.readers.files import read_chunks, read_table
from anomgan.errors import DataWarning

GOLDEN = Path(__file__).parents[1] / "golden"
FORMATS = sorted(path.name for path in GOLDEN.glob("format-*"))
SETTINGS = {
    "steps": 20,
    "members": 2,
    "hidden": 16,
    "latent": 4,
    "batch": 32,
    "inversion_steps": 2,
    "memory_rows": 50,
    "checks": 0,
}


def rows(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.normal(size=count)
    return pd.DataFrame(
        {
            "size": size,
            "weight": size + rng.normal(size=count),
            "kind": rng.choice(["a", "b"], count),
        }
    )


@pytest.fixture(scope="module")
def detector() -> GANDetector:
    return GANDetector(settings=SETTINGS, random_state=3).fit(rows(150, 0))


# --- stored models --------------------------------------------------------------------------------


def test_there_is_a_stored_model() -> None:
    assert FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_stored_models_load_and_score_as_they_did(name: str) -> None:
    folder = GOLDEN / name
    stored = load(folder / "model")
    new = read_table(folder / "new.csv")
    expected = pd.read_csv(folder / "scores.csv")
    with pytest.warns(DataWarning, match="judged against all levels pooled"):
        scores, p_values = -stored.score_samples(new), stored.p_values(new)
    assert scores == pytest.approx(expected["score"].to_numpy(), abs=2e-6)
    assert p_values == pytest.approx(expected["p_value"].to_numpy())


# --- a seed ---------------------------------------------------------------------------------------

AGAIN = """
import sys
import numpy as np, pandas as pd, torch
from anomgan import GANDetector
torch.set_num_threads(1)
settings, folder = eval(sys.argv[1]), sys.argv[2]
normal, new = (pd.read_pickle(f"{folder}/{name}.pickle") for name in ("normal", "new"))
detector = GANDetector(settings=settings, random_state=3).fit(normal)
np.save(f"{folder}/scores.npy", detector.score_samples(new))
"""


def test_another_process_fits_and_scores_bit_for_bit_the_same(
    detector: GANDetector, tmp_path: Path
) -> None:
    rows(150, 0).to_pickle(tmp_path / "normal.pickle")
    rows(60, 1).to_pickle(tmp_path / "new.pickle")
    command = [sys.executable, "-c", AGAIN, repr(SETTINGS), str(tmp_path)]
    subprocess.run(command, check=True)
    assert np.array_equal(np.load(tmp_path / "scores.npy"), detector.score_samples(rows(60, 1)))


def test_copies_score_bit_for_bit_the_same(detector: GANDetector, tmp_path: Path) -> None:
    detector.save(tmp_path / "model")
    expected = detector.score_samples(rows(60, 1))
    for copy in (load(tmp_path / "model"), pickle.loads(pickle.dumps(detector))):
        assert np.array_equal(copy.score_samples(rows(60, 1)), expected)


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunks_and_neighbours_change_nothing(
    detector: GANDetector, tmp_path: Path, chunk: int
) -> None:
    rows(200, 1).to_csv(tmp_path / "new.csv", index=False)
    whole = detector.score_frame(read_table(tmp_path / "new.csv")).score
    parts = [
        detector.score_frame(part, first_row=int(part.index[0])).score
        for part in read_chunks(tmp_path / "new.csv", rows=chunk)
    ]
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing_in_scoring(
    detector: GANDetector, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    monkeypatch.setattr("anomgan.gans.blockwise.rows_per_block", lambda gan: 16)
    one = detector.score_samples(rows(100, 1))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        several = detector.score_samples(rows(100, 1))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(one, several)


def test_threads_change_nothing_in_training(detector: GANDetector) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        other = GANDetector(settings=SETTINGS, random_state=3).fit(rows(150, 0))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(other.score_samples(rows(60, 1)), detector.score_samples(rows(60, 1)))
