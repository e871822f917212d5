"""TadGAN: two critics, cycle consistency, and the product of error and critic."""

import torch

from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import Batch, TadGAN

SPEC = Spec.of([("a", "numeric", 8, "a"), ("b", "numeric", 8, "b")], window=(2, 8))


def build(**settings):
    config = Config.make(settings={"hidden": 8, "latent": 3} | settings, kind="series")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TadGAN(EnsembleScaler(SPEC, ["standard"] * 2), config)


def draw_batch():
    draws = torch.Generator().manual_seed(1)
    real, latent = (torch.randn(2, 20, size, generator=draws) for size in (16, 3))
    return Batch(real, latent, draws)


def gradient_size(loss, network):
    return sum(
        float(g.abs().sum()) for g in torch.autograd.grad(loss.sum(), list(network.parameters()))
    )


def test_both_critics_teach_the_network_whose_output_they_judge():
    gan = build(cycle_weight=0)
    with torch.no_grad():
        gan.code_discriminator.head.weight.zero_()
    loss = gan.generator_objective(draw_batch())
    assert gradient_size(loss, gan.generator) > 0
    loss = gan.generator_objective(draw_batch())
    assert gradient_size(loss, gan.encoder) == 0  # its critic is blind, and no cycle counts
    cycled = build(cycle_weight=1)
    assert gradient_size(cycled.generator_objective(draw_batch()), cycled.encoder) > 0


def test_errors_count_more_where_the_critic_prefers_the_reconstruction():
    gan = build().eval().requires_grad_(False)
    x = draw_batch().real
    reconstructed = gan.generate(gan.encode(x))
    error = (x - reconstructed).square().sum(-1).sqrt()
    prefers = gan.discriminator(reconstructed) > gan.discriminator(x)
    assert 0 < prefers.sum() < prefers.numel()
    ratio = gan.paper_score(x, x) / error
    assert torch.allclose(ratio[~prefers], torch.ones(int((~prefers).sum())))
    assert (ratio[prefers] > 1).all()
