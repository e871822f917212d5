"""A GAN added from outside the package, as CONTRIBUTING.md shows it, works like any other."""

import re
from pathlib import Path

import numpy as np
import pytest

from anomgan import GANDetector
from anomgan.gans import GAN

GUIDE = Path(__file__).parents[1].joinpath("CONTRIBUTING.md").read_text(encoding="utf-8")


@pytest.fixture
def lsgan():
    (block,) = re.findall(r"^```python\n(.*?)^```$", GUIDE, flags=re.M | re.S)
    exec(compile(block, "CONTRIBUTING.md", "exec"), {"__name__": "outside"})
    assert GAN.registry.origins["lsgan"].name == "outside"


@pytest.mark.usefixtures("lsgan")
def test_lsgan_is_found_fitted_and_flags_what_is_far():
    rng = np.random.default_rng(0)
    settings = {"steps": 60, "hidden": 16, "members": 2, "latent": 4}
    detector = GANDetector("lsgan", settings=settings, random_state=0)
    detector.fit(rng.normal(size=(300, 3)))
    assert (detector.predict(rng.normal(size=(20, 3)) + 12) == -1).all()
    assert np.mean(detector.predict(rng.normal(size=(200, 3))) == 1) > 0.8
