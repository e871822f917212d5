"""``anomgan export``."""

from __future__ import annotations

import pytest

from anomgan import GANDetector, load_sample


@pytest.fixture(scope="module")
def sample():
    return load_sample("penguins")


def test_writes_what_scores_without_torch(run, sample, tmp_path):
    model, folder = tmp_path / "model", tmp_path / "export"
    settings = {"steps": 1, "members": 1, "hidden": 8, "score": "memory"}
    GANDetector(settings=settings, random_state=0).fit(sample.normal).save(model)
    done = run("export", model, "--to", "onnx", folder)
    assert done.code == 0, done.err
    assert f"{model} exported to {folder}: " in done.err
    assert {path.name for path in folder.iterdir()} == {"export.json", "score.onnx"}
    assert run("export", model, "--to", "pmml", folder).error == "--to pmml: choose onnx"


def test_a_search_cant_be_exported(run, sample, tmp_path):
    settings = {"steps": 1, "members": 1, "hidden": 8, "search_steps": 1, "memory_rows": 20}
    GANDetector("anogan", settings=settings, random_state=0).fit(sample.normal).save(tmp_path / "m")
    error = run("export", tmp_path / "m", "--to", "onnx", tmp_path / "export").error
    assert error.startswith("can't be exported: anogan searches the latent space for each record")
    assert not (tmp_path / "export").exists()
