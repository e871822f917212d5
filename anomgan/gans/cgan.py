"""Conditional GAN: what is normal depends on the level of a column."""

from __future__ import annotations

from typing import ClassVar

import torch

from anomgan.gans.base import Inputs
from anomgan.gans.batch import Batch
from anomgan.gans.gan import VanillaGAN


class ConditionalGAN(VanillaGAN):
    """Mirza & Osindero, "Conditional generative adversarial nets", 2014.

    Generator, discriminator and encoder are told each record's condition; the discriminator judges
    by projection (Miyato & Koyama, 2018).  It is also shown real records under the condition of
    another one, to be told from those under their own (Reed et al., "Generative adversarial
    text-to-image synthesis", 2016): so its features learn what doesn't go together, however well
    both parts do alone.  Every other variant takes conditions too, but without those pairs.
    """

    name: ClassVar[str] = "cgan"
    paper: ClassVar[str] = "Mirza & Osindero, Conditional generative adversarial nets"
    year: ClassVar[int] = 2014
    formula: ClassVar[str] = "mean|f(x, c) − f(G(z*, c), c)| + max(0, D(G(z*, c), c) − D(x, c))"
    conditional: ClassVar[bool] = True

    def discriminator_inputs(self, batch: Batch) -> tuple[Inputs, Inputs]:
        """Records under their own condition; generated ones, and real ones under another's."""
        real, fake = super().discriminator_inputs(batch)
        if not self.views.spec.condition_size:
            return real, fake
        at, half = self.views.spec.record_size, batch.real.shape[1] // 2
        exchanged = torch.cat([batch.real[..., :at], batch.real.roll(1, 1)[..., at:]], -1)
        made = torch.cat([fake[0][:, half:], exchanged[:, :half]], 1)
        return real, (made,)
