"""Every setting of a fit in one place, its default beside its explanation."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from anomgan.errors import InputError


@dataclass(frozen=True)
class Config:
    """Settings of a fit; a preset is a set of other defaults for some of them.

    The defaults were fixed once, over many data sets together; none is chosen per data set.
    """

    members: int = 4
    """GANs in the ensemble, trained at once; scores of a single GAN vary too much with its seed."""

    views: tuple[str, ...] = ("standard", "minmax", "asinh", "power")
    """Scalings of the columns, dealt to the members in turn; each brings out other anomalies."""

    folds: int = 3
    """Cross-fitting folds for tables of fewer than ``cross_fit_below`` rows."""

    cross_fit_below: int = 500
    """Below this many rows calibration is cross-fitted; from here on a part is held out."""

    held_out: float = 0.2
    """Share of the rows held out for calibration when they are many."""

    held_out_rows: int = 4000
    """Most rows held out for calibration."""

    trim: float = 0.0
    """Share of the training rows that nothing is learnt from, those furthest from the bulk; for
    training data that hold anomalies."""

    latent: int = 16
    """Entries of the latent vector z, drawn from N(0, 1)."""

    hidden: int = 128
    """Units in each hidden layer."""

    layers: int = 2
    """Hidden layers of each network."""

    size: int = 0
    """Pictures: side in pixels of the square that they are brought to, 8 to 256; 0 for their own
    usual side, but at most 64."""

    tiles: int = 1
    """Pictures: cut into so many tiles of ``size`` along each side, which overlap by a quarter; for
    defects that are small beside the picture."""

    channels: int = 16
    """Pictures: maps of the first convolution; each halving of the picture doubles them, up to
    eight times."""

    residual: str = "off"
    """Pictures: whether convolutions get a way past them (He et al., 2016): ``on`` for large or
    varied pictures."""

    attention: str = "off"
    """Pictures: whether one map sees itself as a whole (Zhang et al., 2019): ``on`` or ``off``."""

    self_supervision: float = 0.0
    """Pictures: weight of the critics' second task, to tell how a picture was turned, shifted and
    made noisy (Chen et al., 2019); above 0 for ``score=transforms``."""

    growing: str = "auto"
    """Pictures: whether generator, critics and encoders in play learn coarse pictures first
    (Karras et al., 2018): ``on``, ``off``, or ``auto``, from 128 pixels a side; U-Nets don't."""

    mixed_precision: str = "auto"
    """Pictures: ``auto`` trains convolutions in bfloat16 on a CUDA device; ``off`` never does."""

    steps: int = 500
    """Training steps of each stage; a step moves the generator (or the encoder) once.  0 leaves all
    networks as they were initialised: the control of what training adds."""

    batch: int = 128
    """Rows per member and step; at most half of the rows that a member may see, and at most 65,536
    numbers (but 32 rows)."""

    critic_steps: int = 1
    """Moves of the critic for each move of the generator (WGAN-GP's paper: 5)."""

    learning_rate: float = 1e-3
    """Adam's learning rate at the start; it falls along a cosine to a hundredth."""

    critic_rate: float = 1.0
    """Factor of the critic's learning rate: two time-scales (Heusel et al., 2017)."""

    penalty: str = "own"
    """What keeps the critic smooth: ``one-centred`` pulls its slope to 1 between real and made
    records (Gulrajani et al., 2017), ``zero-centred`` to 0 at real ones (Mescheder et al., 2018);
    ``none``; ``own`` is the method's: one-centred for WGAN-GP and f-AnoGAN, none where the critic
    is spectrally normalised, zero-centred for all others."""

    gradient_penalty: float = 1.0
    """Weight of the one-centred penalty."""

    zero_penalty: float = 0.1
    """Weight of the zero-centred penalty."""

    spectral_norm: str = "own"
    """Spectral normalisation of the critics (Miyato et al., 2018): ``on``, ``off``, or the method's
    ``own``, which is on for SNGAN and ALAD."""

    minibatch_statistics: str = "off"
    """Whether critics see how varied a batch is (Karras et al., 2018): ``on`` against collapse."""

    mode_seeking: float = 0.0
    """Weight of the reward for other records from other latent vectors (Mao et al., 2019)."""

    label_smoothing: float = 0.0
    """How far below 1 logistic and least-squares critics' label of real records lies (Salimans et
    al., 2016)."""

    instance_noise: float = 0.0
    """Standard deviation of noise on all that critics see; fades to 0 (Sønderby et al., 2017)."""

    checks: int = 10
    """How often the GANs' health is measured while training."""

    restarts: int = 2
    """How often members that diverged or collapsed are trained anew, from another seed."""

    withheld: float = 0.1
    """Share of training records whose condition is withheld: what unseen levels are judged by."""

    ema: float = 0.99
    """Decay of the moving average of the weights; the average is what scores."""

    inversion_steps: int = 5
    """Descent steps of the latent inversion, started from the encoder."""

    score: str = "combined"
    """``combined`` adds the components up, ``visual`` those that serve pictures, whose default it
    is; ``paper`` is the method's published score; further choices are single components."""

    neighbours: int = 3
    """Nearest training rows that a neighbours component looks at."""

    memory_rows: int = 2000
    """Most training rows kept as memory."""

    kappa: float = 1.0
    """Weight of the feature distance in the encoder's loss (f-AnoGAN's κ)."""

    generator_loss: str = "non-saturating"
    """The original GAN's: ``non-saturating`` or ``minimax`` (Goodfellow et al., 2014)."""

    feature_share: float = 0.1
    """Share of the feature distance in a score beside the residual: AnoGAN's λ, EGBAD's 1 − α."""

    search_steps: int = 50
    """Descent steps of an inversion without encoder (AnoGAN's paper: 500)."""

    starts: int = 2
    """Restarts of an inversion without encoder; for each record the best one counts."""

    cycle_weight: float = 10.0
    """Weight of CycleGAN's cycle consistency beside its adversarial loss."""

    context_weight: float = 50.0
    """Weight of GANomaly's reconstruction loss beside its adversarial and its latent loss."""

    @property
    def member_scalings(self) -> list[str]:
        """The view of each member of one fold."""
        return [self.views[m % len(self.views)] for m in range(self.members)]

    @classmethod
    def make(
        cls,
        preset: str = "balanced",
        settings: dict[str, Any] | None = None,
        kind: str = "tables",
    ) -> Config:
        """A preset with some settings changed.

        Args:
            preset: A key of :data:`PRESETS`.
            settings: Field names and values; strings, as typed on a command line, are converted.
            kind: What it is for, a key of :data:`KINDS`.

        Raises:
            InputError: If the preset, a name or a value isn't one.
        """
        if preset not in PRESETS:
            raise InputError(f"unknown preset {preset!r}; choose one of: {', '.join(PRESETS)}")
        known = {field.name: field for field in fields(cls)}
        defaults, presets = KINDS[kind], PRESETS[preset]
        changes = defaults | presets.get("all", {}) | presets.get(kind, {})
        for key, value in (settings or {}).items():
            if key not in known:
                raise InputError(f"unknown setting {key!r}; choose one of: {', '.join(known)}")
            changes[key] = _converted(key, value, getattr(cls, key))
        made = replace(cls(), **changes)
        if made.score == "transforms" and not made.self_supervision:
            raise InputError("setting score=transforms needs self_supervision above 0, such as 1")
        return made

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds the settings."""
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Config:
        """Rebuild from :meth:`to_json`."""
        return cls.make(settings=state)


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "fast": {
        "tables": {"steps": 400, "hidden": 32, "inversion_steps": 2, "memory_rows": 1000},
        "images": {"steps": 100, "inversion_steps": 0},
    },
    "balanced": {},
    "thorough": {
        "all": {"steps": 3000, "members": 8, "inversion_steps": 20},
        "tables": {"memory_rows": 5000},
    },
}
"""Preset -> the settings in which it differs from the defaults, for all data and for one kind."""

KINDS: dict[str, dict[str, Any]] = {
    "tables": {},
    "images": {
        "members": 2,
        "views": ("minmax",),  # pixels have a range, and no tails to bring in
        "latent": 32,
        "inversion_steps": 2,
        "batch": 64,
        "learning_rate": 5e-4,
        "memory_rows": 5000,
        "score": "visual",
    },
}
"""Kind of data -> the defaults that differ from those above, which are the tables'."""


def _converted(key: str, value: Any, default: Any) -> Any:
    """Bring a setting to the type of its default.

    Raises:
        InputError: If it can't be, or is out of range.
    """
    try:
        if isinstance(default, tuple):
            parts = value.split(",") if isinstance(value, str) else list(value)
            if not parts:
                known = ", ".join(CHOICES[key])
                raise InputError(f"setting {key} must name at least one of: {known}")
            return tuple(_choice(key, part) for part in parts)
        if isinstance(default, str):
            return _choice(key, value)
        if isinstance(default, int) and float(value) != int(float(value)):
            raise ValueError
        number = type(default)(float(value))
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError):
        kinds = {tuple: "a list", int: "a whole number", float: "a number"}
        raise InputError(f"setting {key}={value!r} must be {kinds[type(default)]}") from None
    low, high = LIMITS.get(key, (1, 10**9))
    if not low <= number <= high:
        raise InputError(f"setting {key}={value} must lie between {low} and {high}")
    return number


def _choice(key: str, value: Any) -> str:
    """One of the words that a setting may be.

    Raises:
        InputError: If it is another.
    """
    word = str(value).strip()
    if word not in CHOICES[key]:
        raise InputError(f"setting {key}={word!r} must be one of: {', '.join(CHOICES[key])}")
    return word


CHOICES: dict[str, tuple[str, ...]] = {
    "views": ("standard", "minmax", "asinh", "power"),
    "score": (
        "combined",
        "visual",
        "paper",
        "deviation",
        "neighbours",
        "memory",
        "latent",
        "reconstruction",
        "feature_distance",
        "feature_density",
        "transforms",
    ),
    "generator_loss": ("non-saturating", "minimax"),
    "penalty": ("own", "none", "one-centred", "zero-centred"),
    "spectral_norm": ("own", "on", "off"),
    "minibatch_statistics": ("on", "off"),
    "residual": ("on", "off"),
    "attention": ("on", "off"),
    "growing": ("auto", "on", "off"),
    "mixed_precision": ("auto", "off"),
}
"""Setting made of words -> the words."""

LIMITS: dict[str, tuple[float, float]] = {
    "steps": (0, 10**9),
    "size": (0, 256),
    "tiles": (1, 16),
    "folds": (2, 50),
    "cross_fit_below": (0, 10**9),
    "held_out": (0.01, 0.9),
    "trim": (0, 0.9),
    "learning_rate": (1e-9, 10),
    "gradient_penalty": (0, 1e6),
    "ema": (0, 0.99999),
    "inversion_steps": (0, 10**6),
    "kappa": (0, 1e6),
    "zero_penalty": (0, 1e6),
    "feature_share": (0, 1),
    "search_steps": (0, 10**6),
    "starts": (1, 1024),
    "context_weight": (0, 1e6),
    "critic_rate": (1e-6, 1e6),
    "mode_seeking": (0, 1e6),
    "self_supervision": (0, 1e6),
    "label_smoothing": (0, 0.5),
    "instance_noise": (0, 100),
    "checks": (0, 1000),
    "restarts": (0, 100),
    "withheld": (0, 1),
    "cycle_weight": (0, 1e6),
}
"""Setting -> smallest and largest value; all others must be at least 1."""
