"""Measure how well generated records match real ones, per member of an ensemble.

Each measure is reported beside its baseline: its value when other real records take the place of
the generated ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

MAX_COMPARED_ROWS = 256
"""Most records of either kind that are compared."""

N_NEIGHBOURS = 5
"""The ball of a record in coverage and density reaches to its so many-th neighbour."""

MAX_FRECHET_DIRECTIONS = 32
"""Most dimensions of the Fréchet distance; wider records are projected."""

MEASURES = ("coverage", "density", "two_sample", "frechet", "variety")
"""Names of the measures, in the order of :func:`compare_records`."""

MIN_VARIETY_RATIO = 0.2
"""A generator whose variety is a smaller share of the baseline's counts as collapsed."""

MIN_COVERAGE_RATIO = 0.5
"""A coverage that is a smaller share of the baseline's is called partial."""

FAILED_COVERAGE_RATIO = 0.1
"""A generator whose coverage is no larger share of the baseline's has failed."""

FAILED_TWO_SAMPLE = 0.95
"""A generator whose records are told from real ones as often has failed."""

GRADES = "collapsed", "failed", "partial", "healthy"
"""The state of a generator, the worst first."""

Values = dict[str, list[float]]
"""Name -> one value per member."""


@dataclass(frozen=True)
class Health:
    """Measures of M members at one step of training.

    Attributes:
        step: The training step.
        measures: One value per member for each of :data:`MEASURES`.  ``coverage``: share of real
            records that have a generated one in their neighbourhood; ``density``: mean number of
            real neighbourhoods that a generated record lies in, divided by their size, about 1 at
            best (both Naeem et al., 2020).  ``two_sample``: accuracy of a nearest-neighbour
            classifier of real against generated, 0.5 at best (Lopez-Paz & Oquab, 2017).
            ``frechet``: distance between two Gaussians, 0 at best (Heusel et al., 2017).
            ``variety``: mean distance between two generated records.
        baseline: The same with other real records in place of the generated ones.
        slopes: Norm of the last gradient of each optimiser step, per member.
    """

    step: int
    measures: Values
    baseline: Values
    slopes: Values

    def collapsed(self) -> list[int]:
        """Members whose generator gives nearly the same record for all latent vectors."""
        pairs = zip(self.measures["variety"], self.baseline["variety"], strict=True)
        # A comparison with NaN is false: a member that diverged counts too.
        return [m for m, (fake, real) in enumerate(pairs) if not fake >= MIN_VARIETY_RATIO * real]

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Health:
        """Build from JSON data, in which None stands for NaN."""
        parts = {
            name: {
                key: [math.nan if v is None else float(v) for v in values]
                for key, values in state[name].items()
            }
            for name in ("measures", "baseline", "slopes")
        }
        return cls(int(state["step"]), **parts)

    def with_members(self, other: Health, members: Mapping[int, int]) -> Health:
        """Return a copy with some members' values from another measurement.

        Args:
            other: Measured on fewer members.
            members: Index here -> index in ``other``.
        """

        def replace_values(values: Values, others: Values) -> Values:
            return {
                key: [others[key][members[m]] if m in members else v for m, v in enumerate(each)]
                for key, each in values.items()
            }

        return Health(
            self.step,
            replace_values(self.measures, other.measures),
            replace_values(self.baseline, other.baseline),
            replace_values(self.slopes, other.slopes),
        )


def measure_health(step: int, real: Tensor, generated: Tensor, slopes: Values) -> Health:
    """Compare generated with real records.

    Args:
        step: The training step.
        real: Real records, ``(M, n, F)`` float, n at least 4; half of them are the baseline.
        generated: Generated records, at least ``n // 2`` per member.
        slopes: Norms of gradients.
    """
    half = min(real.shape[1] // 2, MAX_COMPARED_ROWS)
    reference, others = real[:, :half].double(), real[:, half : 2 * half].double()
    measures = compare_records(reference, generated[:, :half].double())
    return Health(step, measures, compare_records(reference, others), slopes)


def compare_records(real: Tensor, other: Tensor) -> Values:
    """Compute all measures of ``other`` against ``real``, both ``(M, n, F)``."""
    near = min(N_NEIGHBOURS, real.shape[1] - 1)
    rr, oo, ro = torch.cdist(real, real), torch.cdist(other, other), torch.cdist(real, other)
    radius = rr.topk(near + 1, largest=False).values[..., -1:]
    inside = ro <= radius
    values = (
        inside.any(-1).double().mean(-1),
        inside.double().sum(1).mean(-1) / near,
        _two_sample(rr, oo, ro),
        frechet_distance(real, other),
        oo.mean((-2, -1)),
    )
    return {name: value.tolist() for name, value in zip(MEASURES, values, strict=True)}


def _two_sample(rr: Tensor, oo: Tensor, ro: Tensor) -> Tensor:
    """Leave-one-out accuracy of the nearest-neighbour classifier, ``(M,)``."""
    n = rr.shape[-1]
    itself = torch.diag_embed(rr.new_full((len(rr), n), torch.inf))
    real = (rr + itself).amin(-1) < ro.amin(-1)
    other = (oo + itself).amin(-1) < ro.amin(-2)
    return torch.cat([real, other], -1).double().mean(-1)


def frechet_distance(a: Tensor, b: Tensor) -> Tensor:
    """Fréchet distance of Gaussians fitted to records ``(M, n, F)``, per dimension: ``(M,)``.

    Records of many columns are projected onto fixed random directions first.
    """
    width = a.shape[-1]
    if width > MAX_FRECHET_DIRECTIONS:
        source = torch.Generator().manual_seed(0)
        directions = torch.randn(width, MAX_FRECHET_DIRECTIONS, generator=source).to(a) / width**0.5
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


def summarize_health(last: Health | None) -> str:
    """State and measures in a line: means over members, beside the baseline's."""
    if last is None:
        return "not measured"
    labels = {"coverage": "coverage", "density": "density", "two_sample": "told apart"}
    parts = [
        f"{label} {_mean(last.measures[name]):.2f} (real {_mean(last.baseline[name]):.2f})"
        for name, label in labels.items()
    ]
    grade, grades = grade_health(last), grade_members(last)
    members = f"{grades.count(grade)} of {len(grades)} members"
    states = {
        "collapsed": f"{members} collapsed",
        "failed": f"failed: {members} generate nothing that is like real records",
        "partial": f"partial: {members} generate records that are like few of the real ones",
        "healthy": "healthy",
    }
    return f"{states[grade]}; " + ", ".join(parts)


def grade_health(last: Health) -> str:
    """The worst grade of a member."""
    return min(grade_members(last), key=GRADES.index)


def grade_members(last: Health) -> list[str]:
    """A grade of `GRADES` for each member.

    ``collapsed``: nearly the same record again and again.  ``failed``: hardly a real record has
    generated ones near, or a classifier tells nearly all of them.  ``partial``: few real records
    have generated ones near.
    """
    collapsed, grades = last.collapsed(), []
    pairs = zip(last.measures["coverage"], last.baseline["coverage"], strict=True)
    for m, (coverage, baseline) in enumerate(pairs):
        if m in collapsed:
            grades.append("collapsed")
        elif (
            coverage <= FAILED_COVERAGE_RATIO * baseline
            or last.measures["two_sample"][m] >= FAILED_TWO_SAMPLE
        ):
            grades.append("failed")
        else:
            grades.append("partial" if coverage < MIN_COVERAGE_RATIO * baseline else "healthy")
    return grades


def describe_health(last: Health | None) -> list[str]:
    """Explain the measures, a sentence without full stop each; means over members."""
    if last is None:
        return ["health wasn't measured: too few rows, or checks=0"]
    fake, real = last.measures, last.baseline
    collapsed, members = last.collapsed(), len(fake["variety"])
    sentences = [
        f"{len(collapsed)} of {members} members generate nearly the same record again and again"
        if collapsed
        else f"no member has collapsed: all {members} generate varied records",
        f"generated records come near {_mean(fake['coverage']):.0%} of real ones (coverage; other "
        f"real records come near {_mean(real['coverage']):.0%})",
        f"a generated record lies among {_mean(fake['density']):.2f} times as many real ones as it "
        f"should (density; other real records {_mean(real['density']):.2f})",
        f"a nearest-neighbour classifier tells generated from real ones "
        f"{_mean(fake['two_sample']):.0%} of the time (chance is 50%; other real records "
        f"{_mean(real['two_sample']):.0%})",
    ]
    grade = grade_health(last)
    if grade == "failed":
        sentences.append(
            "the generators have failed, so samples and reconstructions mean nothing; the score "
            "rests on features, covariances and neighbours, which don't need them"
        )
    if grade == "partial":
        sentences.append(
            "the generators cover only a part of what is normal; the score still rests on the "
            "discriminators' features, and more steps may help (--preset thorough)"
        )
    return sentences


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
