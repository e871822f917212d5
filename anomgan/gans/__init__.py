"""The GAN family: one file per variant, registered by name."""

from anomgan.gans.base import GAN, Batch, Move, Stage, method
from anomgan.gans.f_anogan import FAnoGAN

__all__ = ["GAN", "Batch", "FAnoGAN", "Move", "Stage", "method"]
