from __future__ import annotations

import random
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from anomgan.bench import peers
from anomgan.bench.contender import EncodedTable
from anomgan.bench.peers import PYOD, SKLEARN, Peer
from anomgan.errors import InputError


@pytest.fixture(scope="module")
def far() -> EncodedTable:
    """40 rows to fit on; of 30 to score, the last ten are far from all others."""
    rng = np.random.default_rng(0)
    new = np.r_[rng.normal(size=(20, 4)), rng.normal(9, 1, size=(10, 4))]
    encoded = EncodedTable.of(pd.DataFrame(rng.normal(size=(40, 4))), pd.DataFrame(new))
    assert encoded.new.shape[1] >= 4
    return encoded


@pytest.mark.parametrize("name", SKLEARN)
def test_peers_give_abnormal_rows_larger_scores(far, name):
    [outcome] = Peer(name).run(far, 0)
    assert outcome.scores.shape == (30,)
    assert outcome.scores[20:].mean() > outcome.scores[:20].max()


def test_neighbours_are_the_mean_of_five_distances(far):
    [outcome] = Peer("knn").run(far, 0)
    scale = far.normal.std(0)
    scale[scale == 0] = 1
    distances = np.linalg.norm((far.new[:, None] - far.normal) / scale, axis=2)
    assert np.allclose(outcome.scores, np.sort(distances)[:, :5].mean(1))


# One that draws nothing and one that trains; the others take long, or go their own way.
@pytest.mark.parametrize("name", ["ecod", "deep-svdd"])
@pytest.mark.filterwarnings("ignore")
def test_pyods_detectors_point_the_same_way(far, name, capsys):
    pytest.importorskip("pyod")
    [outcome] = Peer(name).run(far, 0)
    assert outcome.scores[20:].mean() > outcome.scores[:20].mean()
    assert Peer(name).names == (f"{name} (PyOD)",)


@pytest.mark.parametrize("name", ["iforest", "deep-svdd", "so-gaal"])
@pytest.mark.filterwarnings("ignore")
def test_peers_follow_the_seed_and_leave_the_global_states_alone(far, name, capsys):
    if name in PYOD:
        pytest.importorskip("pyod")
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    one, same, other = (next(Peer(name).run(far, seed)).scores for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    assert states == after


def test_all_of_pyods_detectors_exist():
    pytest.importorskip("pyod")
    for module, kind in PYOD.values():
        path = f"pyod.models.{module}"
        assert peers.importlib.util.find_spec(path), path
        assert kind.replace("_", "").lower() == module.replace("_", "")


def test_without_pyod_its_detectors_are_refused(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyod", None)
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    peers.check_peers(["iforest", "gmm"])
    with pytest.raises(InputError, match=r"--peers: vae, lunar .*pip install 'anomgan\[bench\]'"):
        peers.check_peers(["iforest", "vae", "lunar"])
