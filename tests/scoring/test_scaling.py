import numpy as np
import pytest

from anomgan.scoring.scaling import ComponentScaler


def test_scaler_brings_each_component_to_median_0_and_range_1_over_all_folds():
    rng = np.random.default_rng(2)
    units = np.array([1e-6, 1.0, 1e6])[:, None, None]
    raw = units * rng.lognormal(size=(3, 2, 200))  # 3 components, 2 folds
    folds = np.array_split(rng.permutation(200), 2)
    scaler = ComponentScaler.fit(raw, folds)
    scaled = scaler.transform(raw)
    held = np.concatenate([scaled[:, 0, folds[0]], scaled[:, 1, folds[1]]], axis=-1)
    low, middle, high = np.quantile(held, [0.25, 0.5, 0.75], axis=-1)
    assert middle == pytest.approx(np.zeros(3), abs=1e-9)
    assert high - low == pytest.approx(np.ones(3))


def test_scaler_survives_components_that_are_zero():
    raw = np.zeros((1, 1, 10))
    scaler = ComponentScaler.fit(raw, [np.arange(5)])
    assert np.isfinite(scaler.transform(raw)).all()
    assert (scaler.transform(np.ones((1, 1, 3))) > 0).all()
