"""Seeds, random states, and copies that score alike."""

from __future__ import annotations

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import torch

from anomgan import DataWarning, InputError, load


def test_a_seed_decides_everything(tiny, mixed):
    scores = [tiny(random_state=s).fit(mixed()).score_samples(mixed()) for s in (3, 3, 4)]
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_no_seed_is_another_one_each_time(tiny, numbers):
    one, other = (tiny(random_state=None).fit(numbers()) for _ in range(2))
    assert one.training_facts_["seed"] != other.training_facts_["seed"]
    again = tiny(random_state=one.training_facts_["seed"]).fit(numbers())
    assert np.array_equal(one.score_samples(numbers()), again.score_samples(numbers()))


@pytest.mark.parametrize("random_state", [None, 0, "RandomState"])
def test_global_random_states_are_left_alone(tiny, numbers, random_state):
    if random_state == "RandomState":
        random_state = np.random.RandomState(0)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    detector = tiny(random_state=random_state).fit(numbers())
    detector.predict(numbers())
    detector.sample(3, random_state)
    pickle.loads(pickle.dumps(detector)).predict(numbers())
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before


@pytest.mark.parametrize("random_state", [-1, "seed", 2**32])
def test_other_random_states_are_refused(tiny, numbers, random_state):
    with pytest.raises(ValueError, match=r"[Ss]eed"):
        tiny(random_state=random_state).fit(numbers())


def test_a_row_alone_scores_as_it_does_among_others(mixed, on_frame):
    rows = mixed(20, seed=1)
    together = on_frame.score_samples(rows)
    alone = [on_frame.score_samples(rows[at : at + 1])[0] for at in range(20)]
    assert alone == pytest.approx(together, abs=1e-8)


def through_joblib(detector, folder):
    joblib.dump(detector, folder / "detector.joblib")
    return joblib.load(folder / "detector.joblib")


def through_mapped_joblib(detector, folder):
    joblib.dump(detector, folder / "detector.joblib")
    return joblib.load(folder / "detector.joblib", mmap_mode="r")


def through_store(detector, folder):
    detector.save(folder / "model")
    return load(folder / "model")


@pytest.mark.parametrize(
    "copied",
    [
        lambda detector, _: pickle.loads(pickle.dumps(detector)),
        lambda detector, _: copy.deepcopy(detector),
        through_joblib,
        through_mapped_joblib,
        through_store,
    ],
    ids=["pickle", "deepcopy", "joblib", "joblib mapped", "store"],
)
@pytest.mark.parametrize("kind", ["array", "frame"])
def test_copies_score_the_same(numbers, mixed, on_array, on_frame, copied, kind, tmp_path):
    detector, rows = (on_array, numbers(30, 1)) if kind == "array" else (on_frame, mixed(30, 1))
    other = copied(detector, tmp_path)
    assert other is not detector
    assert np.array_equal(other.score_samples(rows), detector.score_samples(rows))
    assert np.array_equal(other.p_values(rows), detector.p_values(rows))
    assert np.array_equal(other.predict(rows), detector.predict(rows))
    assert other.training_facts_ == detector.training_facts_
    assert other.get_params() == detector.get_params()
    assert pd.DataFrame(other.sample(5, 0)).equals(pd.DataFrame(detector.sample(5, 0)))


def test_a_pickle_is_plain_data(on_frame):
    def classes(value):
        yield type(value)
        inside = value.values() if isinstance(value, dict) else value
        for item in inside if isinstance(value, dict | list | tuple) else ():
            yield from classes(item)

    state = on_frame.__getstate__()
    assert set(classes(state)) <= {dict, list, tuple, str, int, float, bool, type(None), np.ndarray}
    assert on_frame.ensemble_ is not None  # taking the state leaves the detector whole


def test_an_unfitted_detector_can_be_pickled(tiny):
    assert pickle.loads(pickle.dumps(tiny())).get_params() == tiny().get_params()


def test_a_model_made_on_a_gpu_loads_without_one(numbers, on_array, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    made = copy.deepcopy(on_array).set_params(device="cuda")
    made.device_ = "cuda"
    with pytest.warns(DataWarning, match="made for device='cuda', which isn't here"):
        unpickled = pickle.loads(pickle.dumps(made))
    made.save(tmp_path / "model")
    with pytest.warns(DataWarning, match="using the CPU"):
        loaded = load(tmp_path / "model")
    for other in (unpickled, loaded, load(tmp_path / "model", device="cpu")):
        assert other.device_ == "cpu"
        assert np.array_equal(other.score_samples(numbers()), on_array.score_samples(numbers()))
    with pytest.raises(InputError, match="no CUDA devices here"):
        load(tmp_path / "model", device="cuda:1")


@pytest.mark.gpu
def test_gpu_and_cpu_score_alike(tiny, mixed, tmp_path):
    detector = tiny(device="cuda").fit(mixed())
    assert detector.device_ == "cuda"
    detector.save(tmp_path / "model")
    on_cpu = load(tmp_path / "model", device="cpu")
    on_gpu = load(tmp_path / "model")
    scores = detector.score_samples(mixed())
    assert on_cpu.score_samples(mixed()) == pytest.approx(scores, abs=1e-6)
    assert np.array_equal(on_gpu.score_samples(mixed()), scores)
    assert len(on_gpu.sample(10, 0)) == 10
