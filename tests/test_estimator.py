from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from anomgan import DataWarning, GANDetector, InputError, load
from anomgan.config import Config
from anomgan.gans import GAN
from anomgan.score import WEIGHTS

TINY = {
    "steps": 12,
    "members": 2,
    "views": ["standard", "power"],
    "folds": 2,
    "hidden": 16,
    "layers": 1,
    "latent": 4,
    "batch": 32,
    "inversion_steps": 1,
    "memory_rows": 200,
}


def tiny(**params):
    return GANDetector(**{"settings": TINY, "random_state": 0, **params})


def numbers(rows=120, seed=0, columns=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(rows, columns)) @ np.random.default_rng(9).normal(size=(columns,) * 2)


def mixed(rows=120, seed=0):
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": rng.lognormal(size=rows),
            "count": np.where(rng.random(rows) < 0.1, np.nan, rng.poisson(3, rows)),
            "kind": rng.choice(["a", "b", "c"], rows),
            "level": pd.Categorical(rng.choice(["low", "high"], rows)),
            "open": rng.random(rows) < 0.3,
            "at": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 10**7, rows), "s"),
        },
        index=pd.RangeIndex(1000, 1000 + rows),
    )


@pytest.fixture(scope="module")
def on_array():
    return tiny().fit(numbers())


@pytest.fixture(scope="module")
def on_frame():
    return tiny().fit(mixed())


# --- scikit-learn's contract ----------------------------------------------------------------------


# Some of the checks have constant columns, or too few rows for alpha; both are worth a warning.
@pytest.mark.filterwarnings("ignore::anomgan.errors.DataWarning")
@parametrize_with_checks([GANDetector(settings=TINY)])
def test_scikit_learn_checks(estimator, check):
    check(estimator)


TABLES = {name for name, gan in GAN.registry.items() if "tables" in gan.kinds}
OTHERS = sorted(TABLES - {GANDetector().method})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::anomgan.errors.DataWarning")
@parametrize_with_checks([GANDetector(name, settings=TINY) for name in OTHERS])
def test_scikit_learn_checks_of_every_other_method(estimator, check):
    check(estimator)


def test_scores_decisions_and_predictions_agree(on_array):
    rows = numbers(300, seed=1) * 1.5
    scores, decisions = on_array.score_samples(rows), on_array.decision_function(rows)
    assert np.array_equal(decisions, scores - on_array.offset_)
    predictions = on_array.predict(rows)
    assert set(predictions) == {-1, 1}
    assert np.array_equal(predictions == -1, decisions < 0)
    assert np.array_equal(predictions == -1, on_array.p_values(rows) <= on_array.alpha)


def test_larger_scores_are_more_normal(on_array):
    near, far = np.zeros((1, 4)), np.full((1, 4), 50.0)
    assert on_array.score_samples(near) > on_array.score_samples(far)
    assert on_array.p_values(near) > on_array.p_values(far)
    assert (on_array.components(near) < on_array.components(far)).all(axis=None)
    scored = [
        on_array.score_frame(pd.DataFrame(x, columns=list(on_array._columns))) for x in (near, far)
    ]
    assert scored[0].score < scored[1].score


@pytest.mark.parametrize("alpha", [0.01, 0.05, 1 / 7, 0.5, 0.9])
def test_predictions_agree_with_p_values_at_every_alpha(alpha):
    rows = numbers(400, seed=1) * 1.5
    detector = tiny(alpha=alpha).fit(numbers())
    assert np.array_equal(detector.predict(rows) == -1, detector.p_values(rows) <= alpha)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_contamination_is_the_share_of_training_rows_that_is_flagged(share):
    detector = tiny(contamination=share).fit(numbers())
    assert np.mean(detector.predict(numbers()) == -1) == pytest.approx(share, abs=0.01)
    assert np.array_equal(detector.p_values(numbers()), tiny().fit(numbers()).p_values(numbers()))
    assert detector.training_facts_["calibration"]["rule"] == "contamination"


def test_too_few_rows_for_alpha_are_told_and_flag_nothing():
    with pytest.warns(DataWarning, match=r"12 calibration rows .*alpha=0\.05 needs 19 of them"):
        detector = tiny().fit(numbers(12))
    far = np.geomspace(1, 1e12, 30)[:, None] * np.ones(4)
    decisions = detector.decision_function(far)
    assert np.isfinite(decisions).all()
    assert np.array_equal(np.argsort(decisions), np.argsort(detector.score_samples(far)))
    assert (detector.predict(far) == 1).all()
    assert detector.p_values(far).min() == pytest.approx(1 / 13)
    assert detector.training_facts_["calibration"]["threshold"] is None


def test_just_enough_rows_for_alpha_flag_something():
    detector = tiny().fit(numbers(19))
    assert detector.predict(np.full((1, 4), 1e3)) == [-1]


@pytest.mark.parametrize(
    ("rows", "settings"),
    [(500, {"cross_fit_below": 500, "held_out": 0.4}), (100, {"folds": 3})],
    ids=["held out", "cross-fitted"],
)
def test_p_values_are_valid(rows, settings):
    """At alpha 0.05 between 3% and 7% of fresh normal rows are flagged, over seeds."""
    flagged = []
    for seed in range(6):
        detector = tiny(settings=TINY | settings, random_state=seed).fit(numbers(rows, seed))
        calibration = detector.training_facts_["calibration"]
        assert calibration["cross_fitted"] == ("folds" in settings)
        assert calibration["rows"] == (rows if "folds" in settings else 200)
        flagged.append(np.mean(detector.p_values(numbers(1000, seed + 100)) <= 0.05))
    assert 0.03 < np.mean(flagged) < 0.07


def test_works_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), tiny()).fit(numbers())
    assert pipeline.predict(np.full((1, 4), 1e3)) == [-1]
    assert pipeline.score_samples(numbers()).shape == (120,)


def test_works_in_a_grid_search():
    def share_found(detector, X, y):
        return np.mean(detector.predict(X) == y)

    rows = np.r_[numbers(), numbers(20, seed=1) * 20]
    truth = np.r_[np.ones(120), -np.ones(20)]
    grid = {"alpha": [0.02, 0.4], "settings": [TINY]}
    search = GridSearchCV(tiny(), grid, scoring=share_found, cv=[(np.arange(120), np.arange(140))])
    assert search.fit(rows, truth).best_params_["alpha"] == 0.02


def test_clone_has_the_parameters_and_nothing_else(on_array):
    copied = clone(on_array)
    assert copied.get_params() == on_array.get_params()
    with pytest.raises(NotFittedError):
        copied.predict(numbers())


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.p_values(numbers()),
        lambda d: d.components(numbers()),
        lambda d: d.score_frame(mixed()),
        lambda d: d.sample(3),
        lambda d: d.save("nowhere"),
    ],
)
def test_what_is_not_fitted_says_so(call):
    with pytest.raises(NotFittedError):
        call(tiny())


# --- tables ---------------------------------------------------------------------------------------


def test_order_of_columns_does_not_matter(on_frame):
    rows = mixed(30, seed=1)
    assert np.array_equal(
        on_frame.score_samples(rows), on_frame.score_samples(rows[rows.columns[::-1]])
    )


def test_missing_column_is_named(on_frame):
    with pytest.raises(InputError, match="X: no column 'kind'"):
        on_frame.predict(mixed().drop(columns="kind"))


def test_further_columns_are_ignored_with_one_warning(on_frame):
    rows = mixed(30, seed=1)
    with pytest.warns(DataWarning, match="'colour'") as warned:
        scores = on_frame.score_samples(rows.assign(colour="red"))
    assert len(warned) == 1
    assert np.array_equal(scores, on_frame.score_samples(rows))


def test_cells_that_can_not_be_read_are_told(on_frame):
    rows = mixed(30, seed=1).astype({"size": object})
    rows.iloc[3, 0] = "huge"
    with pytest.warns(DataWarning, match=r"X: column 'size': 1 cell can't be read .*'huge'"):
        on_frame.predict(rows)
    with pytest.warns(DataWarning, match="'huge'"):
        on_frame.components(rows)
    with pytest.raises(InputError, match=r"new\.csv: row 53, column 'size': 'huge' isn't a number"):
        on_frame.score_frame(rows, strict=True, first_row=50, source="new.csv")
    scored = on_frame.score_frame(rows)
    assert scored.report.unreadable["size"].count == 1


def test_chunks_score_as_the_whole(on_frame):
    rows = mixed(50, seed=1)
    whole = on_frame.score_frame(rows)
    parts = [on_frame.score_frame(rows[at : at + 20], first_row=at) for at in (0, 20, 40)]
    assert np.concatenate([p.score for p in parts]) == pytest.approx(whole.score, abs=1e-8)
    assert np.array_equal(-whole.score, on_frame.score_samples(rows))
    assert np.array_equal(whole.p_value, on_frame.p_values(rows))
    assert whole.report == parts[0].report + parts[1].report + parts[2].report


def test_a_table_without_rows_is_refused(on_frame, on_array):
    with pytest.raises(InputError, match="X: has no rows"):
        on_frame.predict(mixed()[:0])
    with pytest.raises(ValueError, match="0 sample"):
        on_array.predict(numbers()[:0])


def test_what_is_given_is_not_changed(on_frame, on_array):
    frame, array = mixed(), numbers()
    array[3, 1] = np.nan
    frame_before, array_before = frame.copy(deep=True), array.copy()
    tiny().fit(frame).predict(frame)
    tiny().fit(array).predict(array)
    pd.testing.assert_frame_equal(frame, frame_before)
    assert np.array_equal(array, array_before, equal_nan=True)


def test_names_are_kept_if_there_are_any(on_frame, on_array):
    assert list(on_frame.feature_names_in_) == list(mixed().columns)
    assert not hasattr(on_array, "feature_names_in_")
    refitted = tiny().fit(mixed()).fit(numbers())
    assert not hasattr(refitted, "feature_names_in_")
    assert refitted.n_features_in_ == 4


def test_an_array_for_a_frame_goes_by_position_with_scikit_learns_warning(on_frame):
    rows = mixed(30, seed=1)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        scores = on_frame.score_samples(rows.to_numpy())
    assert np.array_equal(scores, on_frame.score_samples(rows))


def test_a_frame_for_an_array_goes_by_position_with_scikit_learns_warning(on_array):
    with pytest.warns(UserWarning, match="X has feature names, but GANDetector was fitted without"):
        scores = on_array.score_samples(pd.DataFrame(numbers(), columns=list("dcba")))
    assert np.array_equal(scores, on_array.score_samples(numbers()))


def test_frames_without_names_go_by_their_numbers():
    detector = tiny().fit(pd.DataFrame(numbers()))
    scores = detector.score_samples(numbers())
    assert np.array_equal(detector.score_samples(pd.DataFrame(numbers())), scores)
    assert not hasattr(detector, "feature_names_in_")


def test_nan_counts_as_missing_and_infinity_is_refused(on_array):
    rows = numbers(10, seed=1)
    rows[0, 0] = np.nan
    assert np.isfinite(on_array.score_samples(rows)).all()
    rows[0, 0] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        on_array.score_samples(rows)


def test_sparse_input_is_refused():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        tiny().fit(scipy.sparse.csr_array(numbers()))


def test_columns_that_say_nothing_are_named():
    rows = np.c_[numbers(), np.ones(120)]
    with pytest.warns(DataWarning, match=r"X: columns left out: 'x4' \(constant 1\.0\)"):
        detector = tiny().fit(rows)
    assert detector.training_facts_["dropped"] == [{"name": "x4", "reason": "constant"}]
    assert np.array_equal(detector.sample(4, 0)[:, 4], np.ones(4))
    assert np.isfinite(detector.score_samples(rows)).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((50, 3)), "X: no column to learn from"),
        (numbers(1), "X: n_samples=1;"),
        (numbers(4), "X: n_samples=4;"),
        (pd.DataFrame({"a": [[1], [2]] * 10}), "X: column 'a', row 0: the cell holds a list"),
        (pd.DataFrame(numbers(), columns=list("abca")), "X: .*'a'"),
    ],
)
def test_tables_that_teach_nothing_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        tiny().fit(table)


# --- seeds and states -----------------------------------------------------------------------------


def test_a_seed_decides_everything():
    scores = [tiny(random_state=s).fit(mixed()).score_samples(mixed()) for s in (3, 3, 4)]
    assert np.array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_no_seed_is_another_one_each_time():
    one, other = (tiny(random_state=None).fit(numbers()) for _ in range(2))
    assert one.training_facts_["seed"] != other.training_facts_["seed"]
    again = tiny(random_state=one.training_facts_["seed"]).fit(numbers())
    assert np.array_equal(one.score_samples(numbers()), again.score_samples(numbers()))


@pytest.mark.parametrize("random_state", [None, 0, "RandomState"])
def test_global_random_states_are_left_alone(random_state):
    if random_state == "RandomState":
        random_state = np.random.RandomState(0)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    detector = tiny(random_state=random_state).fit(numbers())
    detector.predict(numbers())
    detector.sample(3, random_state)
    pickle.loads(pickle.dumps(detector)).predict(numbers())
    assert (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()) == before


@pytest.mark.parametrize("random_state", [-1, "seed", 2**32])
def test_other_random_states_are_refused(random_state):
    with pytest.raises(ValueError, match=r"[Ss]eed"):
        tiny(random_state=random_state).fit(numbers())


def test_a_row_alone_scores_as_it_does_among_others(on_frame):
    rows = mixed(20, seed=1)
    together = on_frame.score_samples(rows)
    alone = [on_frame.score_samples(rows[at : at + 1])[0] for at in range(20)]
    assert alone == pytest.approx(together, abs=1e-8)


# --- copies ---------------------------------------------------------------------------------------


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
def test_copies_score_the_same(on_array, on_frame, copied, kind, tmp_path):
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
    assert on_frame.detector_ is not None  # taking the state leaves the detector whole


def test_an_unfitted_detector_can_be_pickled():
    assert pickle.loads(pickle.dumps(tiny())).get_params() == tiny().get_params()


def test_a_model_made_on_a_gpu_loads_without_one(on_array, tmp_path, monkeypatch):
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
def test_gpu_and_cpu_score_alike(tmp_path):
    detector = tiny(device="cuda").fit(mixed())
    assert detector.device_ == "cuda"
    detector.save(tmp_path / "model")
    on_cpu = load(tmp_path / "model", device="cpu")
    on_gpu = load(tmp_path / "model")
    scores = detector.score_samples(mixed())
    assert on_cpu.score_samples(mixed()) == pytest.approx(scores, abs=1e-6)
    assert np.array_equal(on_gpu.score_samples(mixed()), scores)
    assert len(on_gpu.sample(10, 0)) == 10


# --- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"method": "gun"}, "unknown method 'gun'; choose one of: .*f-anogan"),
        ({"method": None}, "unknown method None"),
        ({"method": ["gan"]}, r"unknown method \['gan'\]; choose one of: .*, gan, "),
        ({"preset": "slow"}, "unknown preset 'slow'"),
        ({"preset": ["fast"]}, r"preset=\['fast'\] must be names"),
        ({"settings": {"colour": 1}}, "unknown setting 'colour'"),
        ({"settings": {"steps": 0}}, "setting steps=0 must lie between"),
        ({"settings": {"views": ["rosy"]}}, "'rosy'"),
        ({"settings": {"views": []}}, "views"),
        ({"settings": {"score": "guess"}}, "'guess'"),
        ({"settings": "steps=3"}, "settings='steps=3' must be a dict"),
        ({"alpha": 0}, "alpha=0 must lie between 0 and 1"),
        ({"alpha": 1.0}, "alpha=1.0 must lie between 0 and 1"),
        ({"alpha": True}, "alpha=True must lie"),
        ({"alpha": "0.05"}, "alpha='0.05' must lie"),
        ({"alpha": float("nan")}, "alpha=nan must lie"),
        ({"contamination": 0.6}, "contamination=0.6 must be None or lie in"),
        ({"contamination": 0}, "contamination=0 must"),
        ({"contamination": "auto"}, "contamination='auto' must"),
        ({"device": "gpu"}, "device='gpu' must be one of: auto, cpu, cuda, cuda:N"),
        ({"device": None}, "device=None must be one of"),
        ({"device": "cuda:x"}, "device='cuda:x' must be one of"),
        ({"device": "cuda:999"}, "device='cuda:999': torch finds .* CUDA device"),
    ],
)
def test_wrong_parameters_are_named_at_fit(params, message):
    detector = tiny(**params)
    with pytest.raises(InputError, match=message) as caught:
        detector.fit(numbers())
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_is_refused_where_there_is_none():
    with pytest.raises(
        InputError, match="torch finds no CUDA devices here; choose 'auto' or 'cpu'"
    ):
        tiny(device="cuda").fit(numbers())
    assert tiny(device="auto").fit(numbers()).device_ == "cpu"


def test_settings_change_the_preset():
    detector = tiny(preset="fast", settings=TINY | {"steps": "7"}).fit(numbers())
    wanted = Config.make("fast", TINY | {"steps": 7, "penalty": "zero-centred"})
    assert detector.detector_.gan.config == replace(wanted, spectral_norm="off")


def test_a_failed_fit_leaves_the_older_one(on_array):
    detector = copy.deepcopy(on_array)
    before = detector.score_samples(numbers())

    def interrupt(progress):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        detector.fit(numbers(50, seed=3), callback=interrupt)
    assert np.array_equal(detector.score_samples(numbers()), before)


def test_training_that_diverges_is_told(monkeypatch):
    def forget(gan, *_):
        for weight in gan.parameters():
            weight.data.fill_(torch.nan)
        return []

    monkeypatch.setattr("anomgan.ensemble.train", forget)
    with pytest.raises(InputError, match="training diverged; try again with a lower"):
        tiny().fit(numbers())


# --- the rest -------------------------------------------------------------------------------------


def test_facts_of_a_fit(on_frame):
    facts = on_frame.training_facts_
    assert facts["rows"] == 120
    assert facts["columns"] == {"numeric": 2, "category": 2, "boolean": 1, "datetime": 1}
    assert facts["dropped"] == []
    assert facts["device"] == "cpu"
    assert facts["seed"] == 0
    assert facts["seconds"] > 0
    assert facts["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert facts["losses"].keys() >= {"generator", "encoder"}
    calibration = facts["calibration"]
    assert calibration["rows"] == 120
    assert calibration["cross_fitted"] is True
    assert calibration["smallest_p_value"] == pytest.approx(1 / 121)
    assert calibration["threshold"] == -on_frame.offset_
    assert calibration["share_flagged"] == pytest.approx(0.05, abs=0.01)


def test_components_have_names_and_the_rows_index(on_frame, on_array):
    rows = mixed(7, seed=1)
    parts = on_frame.components(rows)
    assert list(parts.index) == list(rows.index)
    assert set(parts) == set(WEIGHTS["combined"])
    assert len(on_array.components(numbers(7))) == 7


def test_samples_look_like_the_training_table(on_frame, on_array):
    drawn = on_frame.sample(50, random_state=0)
    assert list(drawn.columns) == list(mixed().columns)
    assert len(drawn) == 50
    assert set(drawn["kind"].dropna()) <= {"a", "b", "c"}
    assert drawn["at"].dtype.kind == "M"
    assert drawn.equals(on_frame.sample(50, random_state=0))
    assert not drawn.equals(on_frame.sample(50, random_state=1))
    assert np.isfinite(on_frame.score_samples(drawn)).all()
    array = on_array.sample(7, random_state=0)
    assert isinstance(array, np.ndarray)
    assert array.shape == (7, 4)


def test_long_samples_are_drawn_in_blocks(on_array, monkeypatch):
    monkeypatch.setattr("anomgan.detector.SAMPLED", 10)
    drawn = on_array.sample(37, random_state=0)
    assert drawn.shape == (37, 4)
    assert len(np.unique(drawn, axis=0)) == 37


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "3"])
def test_samples_of_no_size_are_refused(on_array, n):
    with pytest.raises(InputError, match="must be a positive integer"):
        on_array.sample(n)


def test_progress_is_told(capsys):
    steps = []
    tiny(verbose=True).fit(numbers(), callback=steps.append)
    assert [p.step for p in steps] == list(range(1, steps[-1].steps + 1))
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert len(lines) == 10
    assert re.fullmatch(r"anomgan: step 24 of 24: encoder [-\d.e]+", lines[-1])
    tiny().fit(numbers())
    assert capsys.readouterr().err == ""


def test_import_is_lazy():
    code = (
        "import sys, anomgan\n"
        "assert {'GANDetector', 'load', 'InputError', '__version__'} <= set(dir(anomgan))\n"
        "anomgan.__version__\n"
        "assert not hasattr(anomgan, 'nothing')\n"
        "assert not {'torch', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "from anomgan import GANDetector, load\n"
        "assert 'torch' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_module_is_the_command():
    command = [sys.executable, "-m", "anomgan", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "fit" in done.stdout
