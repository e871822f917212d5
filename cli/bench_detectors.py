"""The detectors that ``anomgan bench`` is to compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from anomgan.cli.options import DEFAULT_METHOD
from anomgan.errors import InputError

if TYPE_CHECKING:
    from anomgan.bench.contender import Contender
    from anomgan.bench.gans import GANContender
    from anomgan.bench.series_gans import SeriesGAN
    from anomgan.config import Config

DEFAULT_PEERS, DEFAULT_SERIES_PEERS = "iforest,knn", "sub-pca,mahalanobis,knn,iforest,zscore"


def choose_gans(
    methods: str,
    scores: str | None,
    preset: str,
    settings: Mapping[str, Any],
    config: Config,
    device: str,
    kind: str,
) -> tuple[list[Contender[Any]], dict[str, str]]:
    """Make the contenders of ``--methods`` and ``--scores``, each before its control.

    Args:
        methods: As given on the command line.
        scores: Likewise; None for the usual one.
        preset: Name of the preset.
        settings: Settings that differ from it.
        config: Both together.
        device: Where to train and score.
        kind: Of data: ``tables``, ``images`` or ``series``.

    Returns:
        The contenders, and the name of each trained detector -> that of its control.

    Raises:
        InputError: If a name is unknown, or a method doesn't learn from such data.
    """
    from anomgan.bench.gans import UNTRAINED, GANContender
    from anomgan.bench.series_gans import SeriesGAN
    from anomgan.config import Config
    from anomgan.gans import GAN, get_method
    from anomgan.plugins.lookup import list_names
    from anomgan.plugins.registry import COMPONENTS
    from anomgan.score_weights import SCORES

    score_names = [name for name in SCORES if name != "transforms" or config.self_supervision]
    score_names += [name for name in list_names(COMPONENTS) if name not in SCORES]
    asked_scores = "".join((scores or config.score).split())
    sums = [each for each in asked_scores.split(",") if "+" in each or "*" in each]
    for each in sums:
        Config.make(preset, {**settings, "score": each}, kind)
    wanted_scores = _parse_names(
        "--scores", asked_scores, [*score_names, *sums], may_be_empty=False
    )
    method_names = [
        name
        for name in list_names(GAN.registry)
        if name not in GAN.registry or kind in GAN.registry[name].kinds
    ]
    names = _parse_names("--methods", methods, [*method_names, UNTRAINED])
    # Which kinds an installed plug-in learns from is known only now, as it has been named.
    others = [each for each in names if each != UNTRAINED and kind not in get_method(each).kinds]
    if others and methods.strip() != "all":
        raise InputError(f"--methods: {others[0]!r} doesn't learn from {kind}")

    def make_gans(name: str) -> list[SeriesGAN] | list[GANContender]:
        if kind != "series":
            return [GANContender(name, wanted_scores, config, device)]
        return [
            SeriesGAN(name, score, score == config.score, preset, settings, device)
            for score in wanted_scores
        ]

    trained = [gan for name in names if name not in (UNTRAINED, *others) for gan in make_gans(name)]
    if UNTRAINED not in names:
        return [*trained], {}
    if not trained:
        return [gan.control() for gan in make_gans(DEFAULT_METHOD)], {}
    pairs = [(gan, gan.control()) for gan in trained]
    controls: dict[str, str] = {}
    for gan, control in pairs:
        controls |= dict(zip(gan.names, control.names, strict=True))
    return [gan for pair in pairs for gan in pair], controls


def choose_peers(peers: str | None, *, series: bool) -> list[Contender[Any]]:
    """Make the contenders of ``--peers``; None for the usual ones.

    Raises:
        InputError: If a name is unknown or its library isn't installed.
    """
    from anomgan.bench.peers import PEERS, Peer, check_peers
    from anomgan.bench.series_peers import SERIES_PEERS, SeriesPeer, check_series_peers

    if series:
        names = _parse_names("--peers", peers or DEFAULT_SERIES_PEERS, SERIES_PEERS)
        check_series_peers(names)
        return [SeriesPeer(name) for name in names]
    names = _parse_names("--peers", peers or DEFAULT_PEERS, PEERS)
    check_peers(names)
    return [Peer(name) for name in names]


def _parse_names(
    option: str, text: str, choices: Iterable[str], *, may_be_empty: bool = True
) -> tuple[str, ...]:
    """The names in a comma-separated list, or ``all`` or, if the list may be empty, ``none``.

    Raises:
        InputError: If a name isn't among the choices.
    """
    choices = list(choices)
    if text.strip() == "all":
        return tuple(choices)
    if may_be_empty and text.strip() == "none":
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name not in choices:
            raise InputError(f"{option}: unknown {name!r}; choose from: {', '.join(choices)}, all")
    if not names:
        raise InputError(f"{option}: names nothing; choose from: {', '.join(choices)}, all")
    return names
