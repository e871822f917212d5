"""What a fitted detector can tell: facts, components, samples, progress."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from anomgan import InputError
from anomgan.score_weights import SUMS


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


def test_components_have_names_and_the_rows_index(numbers, mixed, on_frame, on_array):
    rows = mixed(7, seed=1)
    parts = on_frame.components(rows)
    assert list(parts.index) == list(rows.index)
    assert set(parts) == set(SUMS["combined"])
    assert len(on_array.components(numbers(7))) == 7


def test_samples_look_like_the_training_table(mixed, on_frame, on_array):
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
    monkeypatch.setattr("anomgan.gans.sampling.CHUNK_ROWS", 10)
    drawn = on_array.sample(37, random_state=0)
    assert drawn.shape == (37, 4)
    assert len(np.unique(drawn, axis=0)) == 37


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "3"])
def test_samples_of_no_size_are_refused(on_array, n):
    with pytest.raises(InputError, match="must be a positive integer"):
        on_array.sample(n)


def test_progress_is_told(tiny, numbers, capsys):
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
