"""The estimator with columns to condition on, and with rows of a second domain."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from anomgan import DataWarning, GANDetector, InputError, load

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
    return GANDetector(**{"method": "cgan", "settings": TINY, "random_state": 0, **params})


def machines(rows=200, seed=0):
    """What is normal for "press" is abnormal for "drill", and the other way round."""
    rng = np.random.default_rng(seed)
    machine = rng.choice(["press", "drill"], rows)
    level = np.where(machine == "press", 4.0, -4.0)
    return pd.DataFrame(
        {
            "speed": level + rng.normal(size=rows),
            "machine": machine,
            "heat": -level + rng.normal(size=rows),
        }
    )


def as_array(frame):
    return frame.assign(machine=frame["machine"] == "press").to_numpy(np.float64)


@pytest.fixture(scope="module")
def on_frame():
    return tiny(condition="machine").fit(machines())


@pytest.fixture(scope="module")
def on_array():
    return tiny(condition=1).fit(as_array(machines()))


# --- conditions -----------------------------------------------------------------------------------


def test_what_is_normal_for_one_machine_is_abnormal_for_the_other():
    settings = TINY | {"steps": 100, "hidden": 32, "inversion_steps": 5}
    detector = tiny(condition="machine", settings=settings).fit(machines(600))
    new = machines(200, seed=1)
    swapped = new.assign(machine=np.where(new["machine"] == "press", "drill", "press"))
    assert np.mean(detector.predict(new) == -1) < 0.15
    assert np.mean(detector.predict(swapped) == -1) > 0.9
    unknown = new.assign(machine="lathe")
    with pytest.warns(DataWarning, match="judged against all levels pooled"):
        assert np.mean(detector.predict(unknown) == -1) < 0.15  # normal for some machine
    with pytest.warns(DataWarning, match="judged against all levels pooled"):
        assert np.all(detector.predict(unknown.assign(speed=60.0)) == -1)


def test_a_level_that_is_new_is_scored_and_told(on_frame):
    new = machines(20, seed=1)
    new.loc[3:5, "machine"] = "lathe"
    scored = on_frame.score_frame(new)
    assert np.isfinite(scored.score).all()
    assert list(scored.report.lines()) == [
        "column 'machine': 3 cells with a level that wasn't in training; "
        "judged against all levels pooled"
    ]
    with pytest.warns(DataWarning, match=r"X: column 'machine': 3 cells with .* pooled") as told:
        other = on_frame.score_samples(new.replace("lathe", "mill"))
    assert len(told) == 1
    assert told[0].filename == __file__
    assert np.array_equal(-scored.score, other)
    with pytest.warns(DataWarning, match="3 cells with a level that wasn't in training"):
        on_frame.components(new)


def test_conditions_are_among_the_facts_but_not_among_the_columns(on_frame, on_array):
    facts = on_frame.training_facts_
    assert facts["columns"] == {"numeric": 2}
    assert facts["conditions"] == {"machine": 2}
    assert facts["other_rows"] is None
    assert on_array.training_facts_["conditions"] == {"x1": 2}
    assert on_frame.n_features_in_ == 3


def test_scoring_needs_the_condition(on_frame):
    message = "X: no column 'machine'; the model expects 3 columns: 'speed', 'heat', 'machine'"
    with pytest.raises(InputError, match=re.escape(message)):
        on_frame.predict(machines().drop(columns="machine"))


@pytest.mark.parametrize("condition", ["x1", 1, np.int64(1), ["x1"], ("x1", 1)])
def test_arrays_by_position_or_name(on_array, condition):
    rows = as_array(machines(20, seed=1))
    detector = tiny(condition=condition).fit(as_array(machines()))
    assert np.array_equal(detector.score_samples(rows), on_array.score_samples(rows))


def test_frames_by_label():
    frame = pd.DataFrame(as_array(machines()), columns=[2, 1, 0])
    detector = tiny(condition=2).fit(frame.rename(columns={2: 1, 1: 2}))
    assert detector.training_facts_["conditions"] == {"2": 2}


def test_several_conditions():
    frame = machines().assign(shift=[1, 2, 3, 1] * 50)
    detector = tiny(condition=["shift", "machine"]).fit(frame)
    assert detector.training_facts_["conditions"] == {"shift": 3, "machine": 2}
    assert np.isfinite(detector.score_samples(frame)).all()


def test_samples_have_the_conditions_too(on_frame, on_array):
    drawn = on_frame.sample(40, random_state=0)
    assert list(drawn.columns) == ["speed", "machine", "heat"]
    assert set(drawn["machine"].dropna()) <= {"press", "drill"}
    assert np.isfinite(on_frame.score_samples(drawn)).all()
    rows = on_array.sample(40, random_state=0)
    assert rows.shape == (40, 3)
    assert set(rows[~np.isnan(rows[:, 1]), 1]) <= {0.0, 1.0}


def test_samples_under_a_wanted_level(on_frame, on_array):
    drawn = on_frame.sample(30, random_state=0, condition={"machine": "drill"})
    assert set(drawn["machine"]) == {"drill"}
    rows = on_array.sample(30, random_state=0, condition={1: 1})
    assert set(rows[:, 1]) == {1.0}
    assert rows.shape == (30, 3)


def test_other_conditions_come_as_they_do_under_the_wanted_one():
    frame = machines().assign(hall=lambda d: np.where(d["machine"] == "press", "north", "south"))
    detector = tiny(condition=["machine", "hall"]).fit(frame)
    drawn = detector.sample(40, random_state=0, condition={"machine": "drill"})
    assert set(drawn["machine"]) == {"drill"}
    assert set(drawn["hall"].dropna()) == {"south"}
    # A combination that never was is made nevertheless.
    wanted = {"machine": "drill", "hall": "north"}
    drawn = detector.sample(40, random_state=0, condition=wanted)
    assert set(drawn["machine"]) == {"drill"}
    assert set(drawn["hall"]) == {"north"}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"machine": "lathe"}, "learnt no level 'lathe'; it knows: "),
        ({"machine": None}, "learnt no level None"),
        ({"heat": 1.0}, "has no such condition; it has: 'machine'"),
    ],
)
def test_samples_under_what_isnt_known_are_refused(on_frame, condition, words):
    with pytest.raises(InputError, match=words):
        on_frame.sample(3, condition=condition)


# --- copies ---------------------------------------------------------------------------------------


def through_store(detector, folder):
    detector.save(folder / "model")
    return load(folder / "model")


@pytest.mark.parametrize(
    "copied",
    [
        lambda detector, _: pickle.loads(pickle.dumps(detector)),
        lambda detector, _: copy.deepcopy(detector),
        through_store,
    ],
    ids=["pickle", "deepcopy", "store"],
)
@pytest.mark.parametrize("kind", ["frame", "array"])
def test_copies_score_the_same(on_frame, on_array, copied, kind, tmp_path):
    rows = machines(30, seed=1)
    rows.loc[2, "machine"] = "press"
    detector = on_frame if kind == "frame" else on_array
    rows = rows if kind == "frame" else as_array(rows)
    other = copied(detector, tmp_path)
    assert np.array_equal(other.score_samples(rows), detector.score_samples(rows))
    assert other.get_params() == detector.get_params()
    assert other.training_facts_ == detector.training_facts_
    assert other.encoder_ == detector.encoder_
    assert pd.DataFrame(other.sample(5, 0)).equals(pd.DataFrame(detector.sample(5, 0)))


def test_clone_search_and_pipeline():
    search = GridSearchCV(
        tiny(),
        {"condition": ["machine", ["machine"]]},
        scoring=lambda detector, X, y=None: float(np.mean(detector.predict(X))),
        cv=2,
    ).fit(machines())
    assert search.best_estimator_.training_facts_["conditions"] == {"machine": 2}
    assert clone(search.best_estimator_).condition == search.best_params_["condition"]
    piped = make_pipeline(StandardScaler(), tiny(condition="x1")).fit(as_array(machines()))
    assert np.isfinite(piped.score_samples(as_array(machines()))).all()


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"condition": "size"}, "X: no column 'size' to condition on; choose one of: 'speed', 'm"),
        ({"condition": 1}, "X: no column '1' to condition on; choose one of: 'speed'"),
        ({"condition": "speed"}, "X: column 'speed' can't be a condition: no level has at least 5"),
        ({"condition": True}, "condition=True must be a column's name, or a list of several"),
        ({"condition": 1.0}, "condition=1.0 must be a column's name"),
        ({"condition": [None]}, "condition=[None] must be a column's name"),
        ({"condition": {"machine": 1}}, "condition={'machine': 1} must be a column's name"),
    ],
)
def test_wrong_conditions_are_named_at_fit(params, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        tiny(**params).fit(machines())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("at", [3, -1])
def test_positions_that_are_not_there(at):
    message = f"X: no column {at}; it has 3, counted from 0"
    with pytest.raises(InputError, match=re.escape(message)):
        tiny(condition=at).fit(as_array(machines()))


@pytest.mark.parametrize("condition", [None, [], ()])
def test_a_conditional_method_without_a_condition_is_told(condition):
    with pytest.warns(DataWarning, match="method 'cgan' without a condition is an ordinary GAN"):
        detector = tiny(condition=condition).fit(machines())
    assert detector.training_facts_["conditions"] == {}
    assert detector.encoder_.spec.condition_size == 0


# --- a second domain ------------------------------------------------------------------------------


def second_domain(rows=80):
    frame = machines(rows, seed=2)
    frame.loc[::2, "speed"] = 30.0
    return frame


def test_rows_of_a_second_domain_are_learnt_from():
    alone = tiny(method="cyclegan").fit(machines())
    detector = tiny(method="cyclegan").fit(machines(), other=second_domain())
    assert detector.training_facts_["other_rows"] == 80
    rows = machines(20, seed=1)
    assert not np.array_equal(detector.score_samples(rows), alone.score_samples(rows))
    again = pickle.loads(pickle.dumps(detector))
    assert np.array_equal(detector.score_samples(rows), again.score_samples(rows))


def test_columns_of_a_second_domain_go_by_name_or_position():
    rows = machines(20, seed=1)
    one = tiny(method="cyclegan").fit(machines(), other=second_domain())
    two = tiny(method="cyclegan").fit(machines(), other=second_domain().iloc[:, ::-1])
    assert np.array_equal(one.score_samples(rows), two.score_samples(rows))
    array = as_array(rows)
    three = tiny(method="cyclegan").fit(as_array(machines()), other=as_array(second_domain()))
    assert np.isfinite(three.score_samples(array)).all()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (second_domain().drop(columns="heat"), "more.csv: no column 'heat'; the model expects 3"),
        (second_domain()[:0], "more.csv: has no rows"),
        (second_domain().assign(heat=[[]] * 80), "more.csv: column 'heat', row 0: the cell holds"),
    ],
)
def test_a_second_domain_that_is_of_no_use(other, message):
    with pytest.raises(InputError, match=re.escape(message)):
        tiny(method="cyclegan").fit(machines(), other=other, other_source="more.csv")


def test_a_second_domain_of_another_width():
    with pytest.raises(InputError, match="other: X has 2 features, but GANDetector is expecting 3"):
        tiny(method="cyclegan").fit(as_array(machines()), other=as_array(second_domain())[:, 1:])


def test_odd_cells_of_a_second_domain_are_told():
    other = second_domain().astype({"heat": object})
    other.iloc[7, 2] = "hot"
    with pytest.warns(DataWarning, match=r"other: column 'heat': 1 cell can't .* row 7: 'hot'"):
        tiny(method="cyclegan").fit(machines(), other=other)


def test_a_method_that_does_not_translate():
    message = "method 'cgan' learns from no other rows; use method='cyclegan'"
    with pytest.raises(InputError, match=message):
        tiny(condition="machine").fit(machines(), other=second_domain())


def readings(n, seed, wrong_name=False):
    """Six machines, each with its own heat; ten further sensors have nothing to do with it."""
    rng = np.random.default_rng(seed)
    machine = rng.integers(0, 6, n)
    table = pd.DataFrame(rng.normal(size=(n, 10))).add_prefix("sensor")
    table["heat"] = machine + 0.3 * rng.normal(size=n)
    named = (machine + rng.integers(2, 5, n)) % 6 if wrong_name else machine
    return table.assign(machine=[f"M{m}" for m in named])


def test_a_condition_finds_what_detectors_without_one_miss():
    """Every heat is normal for some machine, and the machine's name is one column among many."""
    known = readings(1500, 0)
    new = pd.concat([readings(300, 1), readings(300, 2, wrong_name=True)], ignore_index=True)
    wrong = np.arange(600) >= 300
    peers = make_column_transformer(
        (OneHotEncoder(), ["machine"]), remainder=StandardScaler(), sparse_threshold=0
    ).fit(known)
    a, b = peers.transform(known), peers.transform(new)
    forest = IsolationForest(random_state=0).fit(a).score_samples(b)
    near = NearestNeighbors(n_neighbors=5).fit(a).kneighbors(b)[0].mean(1)
    settings = {"steps": 150, "members": 2, "hidden": 64}
    ours = GANDetector("cgan", condition="machine", settings=settings, random_state=0).fit(known)
    assert roc_auc_score(wrong, -forest) < 0.65
    assert roc_auc_score(wrong, near) < 0.85
    assert roc_auc_score(wrong, -ours.score_samples(new)) > 0.9
