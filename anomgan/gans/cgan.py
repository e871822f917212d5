"""Conditional GAN: what is normal depends on the levels of condition columns."""

from __future__ import annotations

from typing import ClassVar

import torch

from anomgan.gans.base import Inputs
from anomgan.gans.batch import Batch
from anomgan.gans.gan import VanillaGAN


class ConditionalGAN(VanillaGAN):
    """Mirza & Osindero, "Conditional generative adversarial nets", 2014.

    Generator, discriminator and encoder take each record's condition; the discriminator projects it
    onto the features (Miyato & Koyama, 2018).  Its fake inputs include real records with the
    condition of another one (Reed et al., "Generative adversarial text-to-image synthesis", 2016),
    so that its features learn which conditions a record doesn't match.  Every other variant takes
    conditions, too, but without these mismatched pairs.
    """

    name: ClassVar[str] = "cgan"
    paper: ClassVar[str] = "Mirza & Osindero, Conditional generative adversarial nets"
    year: ClassVar[int] = 2014
    formula: ClassVar[str] = "mean|f(x, c) − f(G(z*, c), c)| + max(0, D(G(z*, c), c) − D(x, c))"
    kinds: ClassVar[tuple[str, ...]] = ("tables", "images")
    conditional: ClassVar[bool] = True

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """Real records; half generated ones, half real ones with another record's condition."""
        real, fake = super().discriminator_inputs(batch)
        if not self.views.spec.condition_size:
            return real, fake
        at, half = self.views.spec.record_size, batch.real.shape[1] // 2
        mismatched = torch.cat([batch.real[..., :at], batch.real.roll(1, 1)[..., at:]], -1)
        return real, (torch.cat([fake[0][:, half:], mismatched[:, :half]], 1),)
