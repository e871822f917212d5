"""Every method comes back from its arrays, usable at once."""

import numpy as np
import pytest
import torch

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import GAN, get_method
from anomgan.gans.weights import gan_from_arrays, gan_to_arrays

TABLE = Spec.of([("a", "numeric", 1, "a"), ("b", "category", 3, "b"), ("m", "condition", 2, "m")])
IMAGES = Spec.of([("p", "pixel", 64, "p")], (1, 8, 8))
SMALL = {"hidden": 8, "latent": 2, "members": 2, "channels": 4}


@pytest.mark.parametrize("spec", [TABLE, IMAGES], ids=["table", "images"])
@pytest.mark.parametrize("name", sorted(GAN.registry))
def test_a_method_comes_back_from_its_arrays(name, spec):
    kind = "tables" if spec is TABLE else "images"
    config = Config.make(settings=SMALL, kind=kind)
    values = np.random.default_rng(0).integers(0, 2, (20, spec.size)).astype(float)
    scaler = EnsembleScaler(spec, config.member_scalings).fit(values)
    gan = get_method(name)(scaler, config).eval()
    copy = gan_from_arrays(gan_to_arrays(gan), spec, name=name, config=config).to("cpu")
    assert not any(each.is_meta for each in [*copy.parameters(), *copy.buffers()])
    assert list(copy.state_dict()) == list(gan.state_dict())
    x = scaler(torch.from_numpy(values)).float()
    with torch.no_grad():
        z = gan.sample_prior(20, torch.Generator().manual_seed(0))
        assert torch.equal(copy.paper_score(x, z), gan.paper_score(x, z))
