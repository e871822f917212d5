import numpy as np
import pandas as pd
import pytest

from anomgan import GANDetector, evaluate
from anomgan.evaluation.baselines import append_changes

SETTINGS = {"steps": 5, "members": 1, "hidden": 8, "memory_rows": 50, "checks": 0}


def test_changes_are_counted_in_one_more_column():
    normal, new = np.zeros((3, 2)), np.ones((2, 2))
    changes = {"a": np.array([True, False]), "b": np.array([True, True])}
    rows, scored = append_changes(normal, new, changes)
    assert rows.tolist() == [[0, 0, 0]] * 3
    assert scored.tolist() == [[1, 1, 2], [1, 1, 1]]
    assert append_changes(normal, new, {}) == (normal, new)


def test_simple_detectors_are_told_of_constants_as_the_model_is():
    rng = np.random.default_rng(0)
    normal = pd.DataFrame({"x": rng.normal(size=300)}).assign(state="ok")
    labelled, truth = normal.head(60).copy(), np.arange(60) < 20
    labelled.loc[truth, "state"] = "failed"
    with pytest.warns(UserWarning, match="columns left out"):
        detector = GANDetector(settings=SETTINGS, random_state=0).fit(normal)
    result = evaluate(detector, labelled, truth, normal=normal, bootstrap=0)
    assert result.metrics["auroc"] == 1
    assert result.peers["knn"]["auroc"] > 0.95
