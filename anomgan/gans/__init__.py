"""The GAN family: one file per variant, registered by name."""

from anomgan.gans.alad import ALAD
from anomgan.gans.anogan import AnoGAN
from anomgan.gans.base import GAN, get_method
from anomgan.gans.batch import Batch, OptimizerStep, Phase
from anomgan.gans.bigan import BiGAN
from anomgan.gans.cgan import ConditionalGAN
from anomgan.gans.cyclegan import CycleGAN
from anomgan.gans.f_anogan import FAnoGAN
from anomgan.gans.gan import VanillaGAN
from anomgan.gans.ganomaly import GANomaly
from anomgan.gans.mad_gan import MADGAN
from anomgan.gans.skip_ganomaly import SkipGANomaly
from anomgan.gans.sngan import SpectralGAN
from anomgan.gans.srgan import SuperResolutionGAN
from anomgan.gans.tadgan import TadGAN
from anomgan.gans.wgan_gp import WassersteinGAN

__all__ = [
    "ALAD",
    "GAN",
    "MADGAN",
    "AnoGAN",
    "Batch",
    "BiGAN",
    "ConditionalGAN",
    "CycleGAN",
    "FAnoGAN",
    "GANomaly",
    "OptimizerStep",
    "Phase",
    "SkipGANomaly",
    "SpectralGAN",
    "SuperResolutionGAN",
    "TadGAN",
    "VanillaGAN",
    "WassersteinGAN",
    "get_method",
]
