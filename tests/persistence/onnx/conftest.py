from __future__ import annotations

import pytest

from anomgan import GANDetector


@pytest.fixture(scope="session")
def exported_folder(table, tmp_path_factory):
    """An export whose score needs little tracing; tests must not change it."""
    folder = tmp_path_factory.mktemp("exported") / "export"
    settings = {"steps": 1, "members": 1, "hidden": 8, "score": "memory"}
    GANDetector(settings=settings, random_state=0).fit(table()).export(folder)
    return folder
