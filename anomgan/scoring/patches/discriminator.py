"""Discriminators of places: tell places of normal pictures from foreign ones.

One is shown how far each feature of a place is from the nearest normal place's, and learns which of
these distances matter; another one is shown the features themselves, at a finer grain.  Foreign
places come from pictures into which parts of others, of generated ones and of themselves were mixed
(Zavrtanik et al., "DRAEM", 2021), and from noise at many scales on normal features (Liu et al.,
"SimpleNet", 2023), both judged in a backbone's features as by projected GANs (Sauer et al., 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from anomgan.nets.adam import Adam
from anomgan.nets.mlp import MLP

HIDDEN, LAYERS = 64, 2

NORMAL_PLACES, FOREIGN_PLACES, NOISY_PLACES = 2048, 384, 128
"""Places of each kind in a step of each fold."""

NOISE_RANGE = 0.3, 3.0
"""Deviation of the noise, in deviations of normal residuals; drawn log-uniformly."""

LEARNING_RATE, DECAY = 2e-3, 1e-2

STEPS_PER_GAN_STEP, MAX_STEPS = 3, 400
"""Training steps for each of the GAN's, and at most."""


def build_discriminators(channels: int, folds: int) -> MLP:
    """Untrained discriminators of K folds, ``(K, n, C) -> (K, n, 1)``."""
    return MLP(folds, channels, 1, hidden=HIDDEN, layers=LAYERS)


def load_discriminators(weights: Mapping[str, Tensor], channels: int, folds: int) -> MLP:
    """Discriminators with these weights.

    Raises:
        ValueError: If the weights don't fit.
    """
    network = build_discriminators(channels, folds)
    try:
        network.load_state_dict(dict(weights))
    except RuntimeError as error:
        raise ValueError(f"discriminators of other places: {error}") from None
    return network.requires_grad_(False)


def train_discriminators(
    normal: Sequence[Tensor], foreign: Sequence[Tensor], steps: int, *, signed: bool = False
) -> MLP:
    """Train one discriminator for each fold, from a fixed seed.

    Args:
        normal: For each fold the residuals or features of normal places, ``(n, C)``, of mean
            square 1.
        foreign: For each fold those of foreign ones, in the same unit.
        steps: Training steps of the GAN; with none the networks stay as initialised.
        signed: Whether the networks are shown signs, which residuals don't need.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_discriminators(normal[0].shape[1], len(normal)).to(normal[0])
    weights: list[Tensor] = list(network.parameters())
    optimizer = Adam(weights, betas=(0.9, 0.99))
    total = min(MAX_STEPS, STEPS_PER_GAN_STEP * steps)

    def draw(rows: Sequence[Tensor], count: int) -> Tensor:
        places = [torch.randint(len(each), (count,), generator=generator) for each in rows]
        return torch.stack([each[at] for each, at in zip(rows, places, strict=True)])

    low, high = (torch.tensor(end).log() for end in NOISE_RANGE)
    for step in range(total):
        real, fake = draw(normal, NORMAL_PLACES), draw(foreign, FOREIGN_PLACES)
        noisy = draw(normal, NOISY_PLACES)
        sigma = torch.exp(low + (high - low) * torch.rand(*noisy.shape[:2], 1, generator=generator))
        noisy = noisy + sigma * torch.randn(noisy.shape, generator=generator)
        shown = torch.cat([real, fake, noisy], 1)
        logits = network(shown if signed else shown.abs())[..., 0]
        loss = softplus(logits[:, :NORMAL_PLACES]).mean(1)
        loss = loss + softplus(-logits[:, NORMAL_PLACES:]).mean(1)
        rate = LEARNING_RATE * (1 - step / total)
        optimizer.step(torch.autograd.grad(loss.sum(), weights), rate)
        with torch.no_grad():
            torch._foreach_mul_(weights, 1 - DECAY * rate)
    return network.requires_grad_(False)
