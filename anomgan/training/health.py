"""Is a GAN healthy?  Generated records beside real ones, and real ones beside real ones.

Every measure means something only next to its baseline: what it is when other real records stand
in for the generated ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

ROWS = 256
"""Most records of either kind that are compared."""

NEIGHBOURS = 5
"""Neighbours that make a record's ball in coverage and density."""

DIMENSIONS = 32
"""Most directions in which the Fréchet distance is taken."""

MEASURES = ("coverage", "density", "two_sample", "frechet", "variety")
"""Names of the measures, in the order in which :func:`compare` gives them."""

COLLAPSED = 0.2
"""Variety, as a share of the baseline's, below which a generator counts as collapsed."""

THIN = 0.5
"""Coverage, as a share of the baseline's, below which it is called partial."""

Values = dict[str, list[float]]
"""For each name a value per member."""


@dataclass(frozen=True)
class Health:
    """Measures of M members at one step of training.

    Attributes:
        step: When.
        measures: For each name of :data:`MEASURES`, a value per member.  ``coverage``: share of
            real records with a generated one among their neighbours; ``density``: how many real
            neighbourhoods a generated record lies in, about 1 at best (both Naeem et al., 2020).
            ``two_sample``: how often a nearest-neighbour classifier tells the two kinds apart, 0.5
            at best (Lopez-Paz & Oquab, 2017).  ``frechet``: distance between two Gaussians, 0 at
            best (Heusel et al., 2017).  ``variety``: mean distance between two generated records.
        baseline: The same with real records in place of the generated ones.
        slopes: Norm of the last gradient of each move's networks, per member.
    """

    step: int
    measures: Values
    baseline: Values
    slopes: Values

    def collapsed(self) -> list[int]:
        """Members whose generator makes nearly the same record again and again."""
        pairs = zip(self.measures["variety"], self.baseline["variety"], strict=True)
        # A comparison with NaN is false: a member that diverged counts too.
        return [m for m, (own, real) in enumerate(pairs) if not own >= COLLAPSED * real]

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Health:
        """Rebuild from plain data, in which None stands for what wasn't a number."""
        parts = {
            name: {
                key: [math.nan if v is None else float(v) for v in values]
                for key, values in state[name].items()
            }
            for name in ("measures", "baseline", "slopes")
        }
        return cls(int(state["step"]), **parts)

    def with_members(self, other: Health, members: Mapping[int, int]) -> Health:
        """The same with some members' values from another measurement.

        Args:
            other: Measured on fewer members.
            members: Our number -> the other's.
        """

        def mixed(own: Values, theirs: Values) -> Values:
            return {
                key: [theirs[key][members[m]] if m in members else v for m, v in enumerate(values)]
                for key, values in own.items()
            }

        return Health(
            self.step,
            mixed(self.measures, other.measures),
            mixed(self.baseline, other.baseline),
            mixed(self.slopes, other.slopes),
        )


def measure(step: int, real: Tensor, generated: Tensor, slopes: Values) -> Health:
    """Compare generated with real records.

    Args:
        step: When this is.
        real: Features of real records, ``(M, n, F)`` float; at least 4.
        generated: Likewise of generated ones, at least ``n // 2``.
        slopes: Norms of gradients.
    """
    half = min(real.shape[1] // 2, ROWS)
    known, others = real[:, :half].double(), real[:, half : 2 * half].double()
    own = compare(known, generated[:, :half].double())
    return Health(step, own, compare(known, others), slopes)


def compare(real: Tensor, other: Tensor) -> Values:
    """All measures of ``other`` against ``real``, each ``(M, n, F)`` with the same n."""
    near = min(NEIGHBOURS, real.shape[1] - 1)
    rr, oo, ro = torch.cdist(real, real), torch.cdist(other, other), torch.cdist(real, other)
    radius = rr.topk(near + 1, largest=False).values[..., -1:]
    inside = ro <= radius
    values = (
        inside.any(-1).double().mean(-1),
        inside.double().sum(1).mean(-1) / near,
        _two_sample(rr, oo, ro),
        frechet(real, other),
        oo.mean((-2, -1)),
    )
    return {name: value.tolist() for name, value in zip(MEASURES, values, strict=True)}


def _two_sample(rr: Tensor, oo: Tensor, ro: Tensor) -> Tensor:
    """Accuracy of the nearest neighbour, each record left out in turn, ``(M,)``."""
    n = rr.shape[-1]
    own = torch.diag_embed(rr.new_full((len(rr), n), torch.inf))
    real = (rr + own).amin(-1) < ro.amin(-1)
    other = (oo + own).amin(-1) < ro.amin(-2)
    return torch.cat([real, other], -1).double().mean(-1)


def frechet(a: Tensor, b: Tensor) -> Tensor:
    """Fréchet distance of two Gaussians fitted to records, ``(M,)``, per direction.

    The directions are the records' own columns or, of many, fixed random ones.
    """
    width = a.shape[-1]
    if width > DIMENSIONS:
        source = torch.Generator().manual_seed(0)
        directions = torch.randn(width, DIMENSIONS, generator=source).to(a) / width**0.5
        a, b = a @ directions, b @ directions
    first, second = (x - x.mean(1, keepdim=True) for x in (a, b))
    c, d = (x.mT @ x / max(1, x.shape[1] - 1) for x in (first, second))
    root = _root(c)
    # tr (cd)^½ = tr (c^½ d c^½)^½, whose argument is symmetric.
    overlap = _root(root @ d @ root).diagonal(dim1=1, dim2=2).sum(-1)
    spread = (c + d).diagonal(dim1=1, dim2=2).sum(-1) - 2 * overlap
    apart = (a.mean(1) - b.mean(1)).square().sum(-1)
    return (apart + spread).clamp(min=0) / a.shape[-1]


def _root(matrix: Tensor) -> Tensor:
    """Square root of symmetric positive semidefinite matrices; NaN where they hold NaN."""
    sound = matrix.isfinite().all(-1).all(-1)[:, None, None]
    values, vectors = torch.linalg.eigh(torch.where(sound, matrix, 0.0))
    root = vectors * values.clamp(min=0).sqrt()[:, None] @ vectors.mT
    return torch.where(sound, root, torch.nan)


def verdict(last: Health | None) -> str:
    """A state in words: means over members, beside the baseline's."""
    if last is None:
        return "not measured"
    words = {"coverage": "coverage", "density": "density", "two_sample": "told apart"}
    parts = [
        f"{word} {_mean(last.measures[name]):.2f} (real {_mean(last.baseline[name]):.2f})"
        for name, word in words.items()
    ]
    bad, members = last.collapsed(), len(last.measures["variety"])
    words_for = {
        "collapsed": f"{len(bad)} of {members} members collapsed",
        "partial": "partial: generated records are like few of the real ones",
        "healthy": "healthy",
    }
    return f"{words_for[grade(last)]}; " + ", ".join(parts)


def grade(last: Health) -> str:
    """``collapsed``, ``partial`` (few real records have generated ones near) or ``healthy``."""
    if last.collapsed():
        return "collapsed"
    thin = _mean(last.measures["coverage"]) < THIN * _mean(last.baseline["coverage"])
    return "partial" if thin else "healthy"


def in_words(last: Health | None) -> list[str]:
    """What the measures mean, a sentence without full stop each; means over members."""
    if last is None:
        return ["health wasn't measured: too few rows, or checks=0"]
    own, real = last.measures, last.baseline
    bad, members = last.collapsed(), len(own["variety"])
    made = [
        f"{len(bad)} of {members} members generate nearly the same record again and again"
        if bad
        else f"no member has collapsed: all {members} generate varied records",
        f"generated records come near {_mean(own['coverage']):.0%} of real ones (coverage; other "
        f"real records come near {_mean(real['coverage']):.0%})",
        f"a generated record lies among {_mean(own['density']):.2f} times as many real ones as it "
        f"should (density; other real records {_mean(real['density']):.2f})",
        f"a nearest-neighbour classifier tells generated from real ones "
        f"{_mean(own['two_sample']):.0%} of the time (chance is 50%; other real records "
        f"{_mean(real['two_sample']):.0%})",
    ]
    if grade(last) == "partial":
        made.append(
            "the generators cover only a part of what is normal; the score still rests on the "
            "discriminators' features, and more steps may help (--preset thorough)"
        )
    return made


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
