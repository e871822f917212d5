"""scikit-learn's contract for outlier detectors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from anomgan import DataWarning, GANDetector, InputError
from anomgan.gans import GAN


# Some of the checks have constant columns, or too few rows for alpha; both are worth a warning.
@pytest.mark.filterwarnings("ignore::anomgan.errors.DataWarning")
@parametrize_with_checks([GANDetector()])
def test_scikit_learn_checks(estimator, check, settings):
    check(estimator.set_params(settings=settings))


TABLES = {name for name, gan in GAN.registry.items() if "tables" in gan.kinds}
OTHERS = sorted(TABLES - {GANDetector().method})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::anomgan.errors.DataWarning")
@parametrize_with_checks([GANDetector(name) for name in OTHERS])
def test_scikit_learn_checks_of_every_other_method(estimator, check, settings):
    check(estimator.set_params(settings=settings))


def test_scores_decisions_and_predictions_agree(numbers, on_array):
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
def test_predictions_agree_with_p_values_at_every_alpha(tiny, numbers, alpha):
    rows = numbers(400, seed=1) * 1.5
    detector = tiny(alpha=alpha).fit(numbers())
    assert np.array_equal(detector.predict(rows) == -1, detector.p_values(rows) <= alpha)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_contamination_is_the_share_of_training_rows_that_is_flagged(tiny, numbers, share):
    detector = tiny(contamination=share).fit(numbers())
    assert np.mean(detector.predict(numbers()) == -1) == pytest.approx(share, abs=0.01)
    assert detector.training_facts_["calibration"]["rule"] == "contamination"


def test_contamination_alone_moves_nothing_but_the_threshold(tiny, numbers):
    plain = tiny().fit(numbers())
    settings = {**plain.settings, "trim": 0}
    detector = tiny(contamination=0.1, settings=settings).fit(numbers())
    assert np.array_equal(detector.p_values(numbers()), plain.p_values(numbers()))
    assert detector.offset_ != plain.offset_


def test_too_few_rows_for_alpha_are_told_and_flag_nothing(tiny, numbers):
    with pytest.warns(DataWarning, match=r"12 calibration rows .*alpha=0\.05 needs 19 of them"):
        detector = tiny().fit(numbers(12))
    far = np.geomspace(1, 1e12, 30)[:, None] * np.ones(4)
    decisions = detector.decision_function(far)
    assert np.isfinite(decisions).all()
    assert np.array_equal(np.argsort(decisions), np.argsort(detector.score_samples(far)))
    assert (detector.predict(far) == 1).all()
    assert detector.p_values(far).min() == pytest.approx(1 / 13)
    assert detector.training_facts_["calibration"]["threshold"] is None


def test_just_enough_rows_for_alpha_flag_something(tiny, numbers):
    detector = tiny().fit(numbers(19))
    assert detector.predict(np.full((1, 4), 1e3)) == [-1]


@pytest.mark.parametrize(
    ("rows", "changes"),
    [(500, {"cross_fit_below": 500, "held_out": 0.4}), (100, {"folds": 3})],
    ids=["held out", "cross-fitted"],
)
def test_p_values_are_valid(tiny, numbers, settings, rows, changes):
    """At alpha 0.05 between 3% and 7% of fresh normal rows are flagged, over seeds."""
    flagged = []
    for seed in range(6):
        detector = tiny(settings=settings | changes, random_state=seed).fit(numbers(rows, seed))
        calibration = detector.training_facts_["calibration"]
        assert calibration["cross_fitted"] == ("folds" in changes)
        assert calibration["rows"] == (rows if "folds" in changes else 200)
        flagged.append(np.mean(detector.p_values(numbers(1000, seed + 100)) <= 0.05))
    assert 0.03 < np.mean(flagged) < 0.07


def test_works_in_a_pipeline(tiny, numbers):
    pipeline = make_pipeline(StandardScaler(), tiny()).fit(numbers())
    assert pipeline.predict(np.full((1, 4), 1e3)) == [-1]
    assert pipeline.score_samples(numbers()).shape == (120,)


def test_works_in_a_grid_search(tiny, numbers, settings):
    def share_found(detector, X, y):
        return np.mean(detector.predict(X) == y)

    rows = np.r_[numbers(), numbers(20, seed=1) * 20]
    truth = np.r_[np.ones(120), -np.ones(20)]
    grid = {"alpha": [0.02, 0.4], "settings": [settings]}
    search = GridSearchCV(tiny(), grid, scoring=share_found, cv=[(np.arange(120), np.arange(140))])
    assert search.fit(rows, truth).best_params_["alpha"] == 0.02


def test_a_grid_names_single_settings(tiny, numbers, settings):
    before = dict(settings)
    pipeline = Pipeline([("scale", StandardScaler()), ("gandetector", tiny())])
    grid = {"gandetector__settings__steps": [3, "4"], "gandetector__settings__members": [1]}
    steps = []

    def share_of_normal(pipeline, X, y=None):
        steps.append(pipeline[-1].ensemble_.gan.config.steps)
        return np.mean(pipeline.predict(X) == 1)

    search = GridSearchCV(pipeline, grid, scoring=share_of_normal, cv=2, refit=False)
    search.fit(numbers())
    assert steps == [3, 3, 4, 4]
    assert settings == before
    assert pipeline[-1].settings is settings


def test_settings_are_nested_parameters(settings):
    detector = GANDetector(settings=settings)
    params = detector.get_params()
    assert {f"settings__{name}" for name in settings} < set(params)
    assert params["settings__views"] == settings["views"]
    assert "settings__steps" not in detector.get_params(deep=False)
    assert "settings__steps" not in GANDetector().get_params()
    assert GANDetector().set_params(settings__steps=7).settings == {"steps": 7}
    detector.set_params(settings={"steps": 3}, settings__hidden=8, alpha=0.1)
    assert (detector.settings, detector.alpha) == ({"steps": 3, "hidden": 8}, 0.1)
    assert clone(detector).get_params() == detector.get_params()
    assert (
        "settings__hidden" in GANDetector(settings={"hidden": 8}).set_params(alpha=0.2).get_params()
    )
    assert GANDetector(settings={"hidden": 8})._repr_html_()


def test_an_unknown_setting_is_refused_before_any_is_set():
    detector = GANDetector()
    message = "invalid parameter 'settings__stepz' for GANDetector; valid settings are: members, "
    with pytest.raises(InputError, match=message):
        detector.set_params(alpha=0.5, settings__steps=7, settings__stepz=7)
    assert (detector.alpha, detector.settings) == (0.05, None)
    with pytest.raises(ValueError, match="Invalid parameter 'colour'"):
        detector.set_params(colour=1)


def test_clone_has_the_parameters_and_nothing_else(numbers, on_array):
    copied = clone(on_array)
    assert copied.get_params() == on_array.get_params()
    with pytest.raises(NotFittedError):
        copied.predict(numbers())


@pytest.mark.parametrize(
    "call",
    [
        lambda d: d.p_values(np.ones((9, 4))),
        lambda d: d.components(np.ones((9, 4))),
        lambda d: d.score_frame(pd.DataFrame(np.ones((9, 4)))),
        lambda d: d.sample(3),
        lambda d: d.save("nowhere"),
    ],
)
def test_what_is_not_fitted_says_so(tiny, call):
    with pytest.raises(NotFittedError):
        call(tiny())
