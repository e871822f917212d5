"""MAD-GAN's DR-score: discrimination and reconstruction of a window."""

import torch

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import MADGAN

SPEC = Spec.of([("a", "numeric", 8, "a"), ("b", "numeric", 8, "b")], window=(2, 8))


def build():
    config = Config.make(settings={"hidden": 8, "latent": 3}, kind="series")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gan = MADGAN(EnsembleScaler(SPEC, ["standard"] * 2), config).eval()
    return gan.requires_grad_(False)


def test_of_a_window_that_is_generated_the_discriminators_doubt_alone_counts():
    gan = build()
    z = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(1))
    x = gan.generate(z)
    probability = gan.discriminate(x).sigmoid()
    assert torch.allclose(gan.paper_score(x, z), 0.8 * (1 - probability), atol=1e-6)


def test_what_the_generator_misses_adds_up_over_channels_and_points():
    gan = build()
    torch.nn.init.zeros_(gan.discriminator.net.head.weight)  # it can't tell anything
    z = torch.randn(2, 20, 3, generator=torch.Generator().manual_seed(1))
    x = gan.generate(z)
    x[..., :8] += 3  # one of two channels
    assert torch.allclose(gan.paper_score(x, z), torch.full((2, 20), 0.2 * 1.5 + 0.4))
