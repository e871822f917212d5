"""What a score is made of: one component, a named sum of several, or any weighted sum of these."""

from __future__ import annotations

import re

from anomgan.errors import InputError
from anomgan.plugins.lookup import is_known, list_names
from anomgan.plugins.registry import COMPONENTS

SUMS: dict[str, dict[str, float]] = {
    "combined": {
        "deviation": 1.0,
        "memory": 1.0,
        "contrast_length": 1.0,
        "contrast_neighbours": 1.0,
    },
    "gan": {"deviation": 1.0, "neighbours": 1.0, "memory": 0.5, "latent": 0.25},
    "contrast": {"contrast_length": 1.0, "contrast_neighbours": 1.0, "memory": 1.0},
    "visual": {"feature_density": 1.0, "feature_distance": 0.25, "memory": 0.1},
    "pretrained": {"patch_distance": 1.0, "patch_discriminator": 0.5, "pooled_maps": 0.5},
}
"""Name of a score -> the weights of its components.  ``combined`` gives equal weights to a length
and a search for neighbours of either kind: by the GAN and in the record itself, and by the
discriminators of corrupted rows.  The weights of ``gan`` were chosen on many tables together.
``visual`` is for pictures: the discriminator's features describe shapes, and a little of the
distance to remembered pixels adds brightness and colour.  ``pretrained`` is for pictures with a
backbone: their places beside those of normal pictures, and the whole."""

OWN_COMPONENTS = (
    "paper",
    "contrast_length",
    "contrast_neighbours",
    "deviation",
    "neighbours",
    "memory",
    "latent",
    "reconstruction",
    "feature_distance",
    "feature_density",
    "transforms",
    "patch_distance",
    "patch_discriminator",
    "pooled_maps",
)
"""The components of :mod:`anomgan.scoring.components`; asking the classes would take seconds."""

SCORES = (*SUMS, *OWN_COMPONENTS)
"""The names of scores, to which plug-ins add their components."""

MAX_WEIGHT = 1e6
"""Largest factor of a term."""

TERM = re.compile(r"\s*(?:(\d+\.?\d*|\.\d+)\s*\*)?\s*([A-Za-z0-9_-]+)\s*")
"""A term of a score: a name, perhaps with a factor before it."""


def parse_score(score: str) -> dict[str, float]:
    """Component -> weight; ``combined+0.5*mine`` adds one's own to those of ``combined``.

    Raises:
        InputError: If it isn't a sum of names with positive factors.
    """
    weights: dict[str, float] = {}
    for part in score.split("+"):
        term = TERM.fullmatch(part)
        factor = float(term[1] or 1) if term else 0.0
        if term is None or not 0 < factor <= MAX_WEIGHT:
            raise InputError(
                f"setting score={score!r}: {part.strip()!r} isn't a name, or a factor above 0 and "
                f"a name, such as 0.5*memory"
            )
        for name, weight in SUMS.get(term[2], {term[2]: 1.0}).items():
            weights[name] = weights.get(name, 0.0) + factor * weight
    return weights


def check_score(score: object) -> str:
    """The setting ``score``, without spaces.

    Raises:
        InputError: If it isn't a sum of scores that exist.
    """
    text = "".join(str(score).split())
    for name in parse_score(text):
        if name not in OWN_COMPONENTS and not is_known(COMPONENTS, name):
            names = dict.fromkeys([*SCORES, *list_names(COMPONENTS)])
            raise InputError(
                f"setting score={name!r} must be one of: {', '.join(names)}; a sum of these, such "
                f"as combined+0.5*memory; or your own component, whose file --plugin names"
            )
    return text
