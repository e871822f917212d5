"""EnsembleScaler: each member of an ensemble sees the columns through another scaling.

No single scaling suits every table: standardising drowns a narrow column beside a heavy tail, a
power transform hides the tail itself.  Members that look through different scalings err in
different places, so their mean is steadier than any one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from anomgan.data.spec import Kind, Spec
from anomgan.data.transforms import soft_tail, soft_tail_inverse, yeo_johnson, yeo_johnson_inverse

FLOOR = 1e-6
"""Smallest probability of a category that a comparison sees; caps its deviance at 27.6."""

CONDITION_ROWS = 512
"""Training rows whose conditions are kept, to draw records under conditions as they occur."""

FIT_ROWS = 10_000
"""Rows from which scales are learnt; more would not change them noticeably."""

PATCHES = 4
"""Patches along each side of a picture that are exchanged or moved as a whole."""

Map = Callable[[Tensor, Tensor], Tensor]


def _same(x: Tensor, _power: Tensor) -> Tensor:
    return x


SCALINGS: dict[str, tuple[Map, Map]] = {
    "standard": (_same, _same),
    "minmax": (_same, _same),
    "asinh": (lambda x, _: torch.asinh(x), lambda x, _: torch.sinh(x)),
    "power": (yeo_johnson, yeo_johnson_inverse),
}
"""Name of a view -> the map of a numeric entry before it is centred and scaled, and its inverse."""


class EnsembleScaler(nn.Module):
    """Scaled copies of encoded records, one for each member: ``(n, D) -> (M, n, D)``.

    A numeric entry passes through the member's map and is then centred, scaled and soft-tailed; a
    0/1 entry only the latter three.  Pixels are brought to [-1, 1] by their channel's range, the
    same for all members.  All of it is monotone in each entry and can be undone.
    """

    loc: Tensor
    scale: Tensor
    power: Tensor
    numeric: Tensor
    indicator: Tensor
    category: Tensor
    pixel: Tensor
    owner: Tensor
    column: Tensor
    is_numeric: Tensor
    conditions: Tensor

    def __init__(self, spec: Spec, names: Sequence[str]) -> None:
        """Make room for the fitted state; :meth:`fit` or ``load_state_dict`` fills it.

        Args:
            spec: The layout of a record.
            names: The view of each member, keys of :data:`SCALINGS`.
        """
        super().__init__()
        self.spec, self.names = spec, tuple(names)
        shape = (len(names), 1, spec.size)
        self.register_buffer("loc", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(shape, dtype=torch.float64))
        self.register_buffer("power", torch.ones(spec.size, dtype=torch.float64))
        self.runs: dict[Kind, slice | Tensor] = {}
        kinds: tuple[Kind, ...] = "numeric", "indicator", "category", "pixel"
        for kind in kinds:
            entries = _entries(spec, kind)
            self.register_buffer(kind, entries, persistent=False)
            self.runs[kind] = _run(entries)
        self.blocks = [span for span in spec.spans if span.kind == "category"]
        widths = torch.tensor([span.width for span in self.blocks], dtype=torch.long)
        owner = torch.repeat_interleave(torch.arange(len(self.blocks)), widths)
        self.register_buffer("owner", owner, persistent=False)
        self.register_buffer("column", _columns(spec), persistent=False)
        marks = torch.zeros(spec.record_size, dtype=torch.bool)
        marks[self.numeric] = marks[self.pixel] = True
        self.register_buffer("is_numeric", marks, persistent=False)
        known = torch.zeros(CONDITION_ROWS if spec.condition_size else 0, spec.condition_size)
        self.register_buffer("conditions", known, persistent=bool(spec.condition_size))

    @property
    def members(self) -> int:
        """Number of members, M."""
        return len(self.names)

    def select_members(self, members: Sequence[int]) -> EnsembleScaler:
        """Those of some members, fitted alike."""
        some = EnsembleScaler(self.spec, [self.names[m] for m in members])
        some.load_state_dict(
            self.state_dict()
            | {key: self.get_buffer(key)[list(members)] for key in ("loc", "scale")}
        )
        return some

    def fit(self, values: NDArray[Any]) -> EnsembleScaler:
        """Learn the scales from encoded training rows, ``(n, D)`` of any number type.

        A 0/1 entry is scaled by its standard deviation with one more 0 and one more 1 counted in
        (Laplace's rule), so that a level never seen weighs like the rarest one possible.
        """
        record = self.spec.record_size
        if self.spec.condition_size:
            places = np.linspace(0, len(values) - 1, CONDITION_ROWS).astype(int)
            self.conditions = torch.from_numpy(values[places, record:]).float()
        first = len(self.pixel)
        self._fit_pixels(values[:, :first])
        values = values[:: -(-len(values) // FIT_ROWS), first:].astype(np.float64, copy=False)
        numeric = self.numeric.numpy() - first
        self.power[self.numeric] = torch.from_numpy(_powers(values[:, numeric]))
        rate = (values.sum(0) + 1) / (len(values) + 2)
        spread = np.sqrt(np.clip(rate * (1 - rate), 0, None))
        for m, name in enumerate(self.names):
            mapped = SCALINGS[name][0](torch.from_numpy(values), self.power[first:]).numpy()
            loc = values.mean(0)
            scale = np.maximum(spread, 1e-12)
            loc[numeric] = mapped[:, numeric].mean(0)
            scale[numeric] = mapped[:, numeric].std(0)
            if name == "minmax" and record > first:
                scale[: record - first] = _ranges(mapped[:, : record - first])
            loc[record - first :], scale[record - first :] = 0, 1  # told, not compared
            self.loc[m, 0, first:] = torch.from_numpy(loc)
            self.scale[m, 0, first:] = torch.from_numpy(np.where(scale > 1e-12, scale, 1.0))
        return self

    def _fit_pixels(self, values: NDArray[Any]) -> None:
        """Learn each channel's range, ``(n, C·H·W)``; all members share it."""
        if self.spec.grid is None:
            return
        channels = values.reshape(len(values), self.spec.grid[0], -1)
        low, high = (
            np.repeat(end.astype(np.float64), channels.shape[2])
            for end in (channels.min((0, 2)), channels.max((0, 2)))
        )
        half = (high - low) / 2
        self.loc[:, 0, self.pixel] = torch.from_numpy(low + half)
        self.scale[:, 0, self.pixel] = torch.from_numpy(np.where(half > 1e-12, half, 1.0))

    def forward(self, values: Tensor) -> Tensor:
        """Scale encoded rows, ``(n, D)`` or a batch for each member, to ``(M, n, D)``; float64."""
        values = values.double().expand(self.members, *values.shape[-2:])
        mapped = self._map(values, inverse=False)
        return soft_tail((mapped - self.loc) / self.scale)

    def inverse(self, scaled: Tensor) -> Tensor:
        """Undo :meth:`forward`, ``(M, n, D) -> (M, n, D)``, in float64."""
        plain = soft_tail_inverse(scaled.double()) * self.scale + self.loc
        return self._map(plain, inverse=True)

    def sample_conditions(
        self, count: int, generator: torch.Generator, levels: Mapping[str, int] | None = None
    ) -> Tensor:
        """Conditions of random training rows, ``(count, K)`` float64; K is 0 without any.

        Args:
            count: How many.
            generator: Source of randomness.
            levels: Slots of the conditions that are to hold, by column; the others come as often as
                in training rows under these.
        """
        known = self.conditions.double()
        if not self.spec.condition_size:
            return known.new_zeros(count, 0)
        known = self._under(known, levels or {})
        places = torch.randint(len(known), (count,), generator=generator)
        return known[places.to(known.device)]

    def _under(self, known: Tensor, levels: Mapping[str, int]) -> Tensor:
        """The conditions among these that have the levels; where none has, all, made to."""
        at = self.spec.record_size
        told = [
            (slice(span.start - at, span.stop - at), span.start - at + levels[span.column])
            for span in self.spec.spans
            if span.kind == "condition" and span.column in levels
        ]
        fitting = known[(known[:, [slot for _, slot in told]] > 0).all(1)]
        if len(fitting):
            return fitting
        known = known.clone()
        for block, slot in told:
            known[:, block] = 0
            known[:, slot] = 1
        return known

    def render(self, raw: Tensor) -> Tensor:
        """Turn a generator's raw output into scaled records, ``(M, n, D) -> (M, n, D)``.

        Numeric entries stay, indicators become probabilities through the logistic function and each
        category's block through softmax; probabilities are scaled as 0/1 entries are.  Pixels are
        kept in their range by tanh.
        """
        if len(self.numeric) == raw.shape[-1]:
            return raw
        out = raw.clone()
        if len(self.pixel):
            out[..., self.pixel] = raw[..., self.pixel].tanh()
        if len(self.indicator):
            out[..., self.indicator] = self._scale(
                raw[..., self.indicator].sigmoid(), self.indicator
            )
        if len(self.category):
            log = raw[..., self.category]
            out[..., self.category] = self._scale(self._softmax(log), self.category)
        return out

    def residuals(self, x: Tensor, y: Tensor) -> Tensor:
        """Compare scaled records with rendered ones, ``(M, n, D) × 2 -> (M, n, S)``.

        Numbers and pixels give differences.  Indicators and categories are compared as
        probabilities: their deviance residual, sqrt(−2 log p), p the probability that y gives to
        what x holds.
        Squares of all S add up, as they would in a log-likelihood.

        Columns: pixels, numeric entries, indicators, category blocks, each in their order.
        """
        plain = self.runs["pixel"], self.runs["numeric"]
        parts = [x[..., run] - y[..., run] for run in plain]
        if len(self.indicator):
            seen, p = self._unscale(x, self.indicator), self._unscale(y, self.indicator)
            parts.append(_deviance_square(seen * p + (1 - seen) * (1 - p)).sqrt())
        if len(self.category):
            hit = self._unscale(x, self.category) * self._unscale(y, self.category)
            parts.append(_deviance_square(self._by_block(hit)).sqrt())
        return torch.cat(parts, -1)

    def mismatch(self, x: Tensor, raw: Tensor) -> Tensor:
        """How far scaled records are from what a generator's raw output stands for, ``(M, n)``.

        The sum of squares of ``residuals(x, render(raw))``, but for rounding, on a shorter way: it
        leaves out the scale that one of them applies to probabilities and the other undoes.
        """
        pixels, numbers = self.runs["pixel"], self.runs["numeric"]
        total = (x[..., numbers] - raw[..., numbers]).square().sum(-1)
        if len(self.pixel):
            total = total + (x[..., pixels] - raw[..., pixels].tanh()).square().sum(-1)
        if len(self.indicator):
            seen = self._unscale(x, self.indicator)
            p = raw[..., self.runs["indicator"]].sigmoid()
            total = total + _deviance_square(seen * p + (1 - seen) * (1 - p)).sum(-1)
        if len(self.category):
            hit = self._unscale(x, self.category) * self._softmax(raw[..., self.runs["category"]])
            total = total + _deviance_square(self._by_block(hit)).sum(-1)
        return total

    def _by_block(self, entries: Tensor) -> Tensor:
        """Sums over each category's block, ``(M, n, sum of widths) -> (M, n, blocks)``."""
        empty = entries.new_zeros(*entries.shape[:-1], len(self.blocks))
        return empty.index_add(-1, self.owner, entries)

    def _softmax(self, raw: Tensor) -> Tensor:
        """Softmax within each category's block, ``(M, n, sum of widths)``."""
        groups = (*raw.shape[:-1], len(self.blocks))
        index = self.owner.expand_as(raw)
        top = raw.new_full(groups, -torch.inf).scatter_reduce(-1, index, raw.detach(), "amax")
        e = torch.exp(raw - top.gather(-1, index))
        return e / self._by_block(e).gather(-1, index)

    def _scale(self, p: Tensor, at: Tensor) -> Tensor:
        loc, scale = self.loc[..., at].to(p.dtype), self.scale[..., at].to(p.dtype)
        return soft_tail((p - loc) / scale)

    def _unscale(self, x: Tensor, at: Tensor) -> Tensor:
        loc, scale = self.loc[..., at].to(x.dtype), self.scale[..., at].to(x.dtype)
        return (soft_tail_inverse(x[..., at]) * scale + loc).clamp(0, 1)

    def _map(self, values: Tensor, *, inverse: bool) -> Tensor:
        """Apply each member's map to its numeric entries."""
        if set(self.names) <= {"standard", "minmax"}:
            return values
        out = values.clone()
        for name in set(self.names) - {"standard", "minmax"}:
            apply, power = SCALINGS[name][int(inverse)], self.power[self.numeric]
            for m in (m for m, own in enumerate(self.names) if own == name):
                out[m][:, self.numeric] = apply(values[m][:, self.numeric], power)
        return out


def _entries(spec: Spec, kind: str) -> Tensor:
    """Indices of the entries of one kind."""
    found = [i for s in spec.spans if s.kind == kind for i in range(s.start, s.stop)]
    return torch.tensor(found, dtype=torch.long)


def _run(entries: Tensor) -> slice | Tensor:
    """The same entries as a slice if they are neighbours, since that copies nothing."""
    if not len(entries):
        return slice(0, 0)
    first, last = int(entries[0]), int(entries[-1])
    return slice(first, last + 1) if last - first + 1 == len(entries) else entries


def _columns(spec: Spec) -> Tensor:
    """For each entry that is judged, the number of the user's column that it describes.

    Of a picture each of PATCHES × PATCHES patches counts as a column.
    """
    patches = _patches(spec.grid) if spec.grid else torch.zeros(0, dtype=torch.long)
    rest = [span for span in spec.spans if span.kind not in ("pixel", "condition")]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(s.column for s in rest))}
    entries = [numbers[span.column] for span in rest for _ in range(span.width)]
    first = int(patches.max()) + 1 if len(patches) else 0
    return torch.cat([patches, first + torch.tensor(entries, dtype=torch.long)])


def _patches(grid: tuple[int, int, int]) -> Tensor:
    """The number of each pixel's patch."""
    channels, *sides = grid
    down, across = (torch.arange(side) * PATCHES // side for side in sides)
    return (down[:, None] * PATCHES + across).flatten().repeat(channels)


def _deviance_square(p: Tensor) -> Tensor:
    """Squared deviance residual; the tiny floor keeps its root's gradient finite at p = 1."""
    return -2 * torch.log(p.clamp(FLOOR, 1)) + 1e-9


def _ranges(mapped: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranges of the columns, shrunk together until the mean variance of a scaled column is 1."""
    ranges = np.ptp(mapped, axis=0)
    ranges = np.where(ranges > 1e-12, ranges, 1.0)
    return np.asarray(ranges * max(np.sqrt((mapped / ranges).var(0).mean()), 1e-6))


def _powers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Maximum-likelihood powers per column, on a grid and for all columns at once.

    Extremes are reined in first: a single one would decide the power of its column.
    """
    if values.shape[1] == 0:
        return np.ones(0)
    low, high = np.percentile(values, [0.1, 99.9], axis=0)
    x = torch.from_numpy(np.clip(values, low, high).clip(-1e3, 1e3))
    jacobian = (torch.sign(x) * torch.log1p(x.abs())).mean(0)
    grid = torch.linspace(0, 2, 41, dtype=torch.float64)
    likelihood = torch.stack(
        [
            (power - 1) * jacobian - 0.5 * torch.log(yeo_johnson(x, power).var(0) + 1e-300)
            for power in grid
        ]
    )
    return np.asarray(grid[likelihood.argmax(0)])
