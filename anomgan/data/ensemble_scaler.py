"""Scale encoded records, with another scaling for each member of an ensemble.

No single scaling suits every table: standardising hides a narrow column beside a heavy-tailed one,
a power transform hides the tail itself.  Members under different scalings err in different places,
so their mean is steadier than any one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from anomgan.data.spec import EXTENT_UNITS, Kind, Spec
from anomgan.data.transforms import soft_tail, soft_tail_inverse, yeo_johnson, yeo_johnson_inverse
from anomgan.errors import InputError

CONDITION_ROWS = 512
"""Training rows whose conditions are stored, to sample conditions as they occur together."""

_MAX_FIT_ROWS = 10_000
"""Most rows that scales are fitted to; more would hardly change them."""

_REDUCED_AT_ONCE = 256
"""Large pictures that are reduced at once."""

_Map = Callable[[Tensor, Tensor], Tensor]


def _identity(x: Tensor, _power: Tensor) -> Tensor:
    return x


SCALINGS: dict[str, tuple[_Map, _Map]] = {
    "standard": (_identity, _identity),
    "minmax": (_identity, _identity),
    "asinh": (lambda x, _: torch.asinh(x), lambda x, _: torch.sinh(x)),
    "power": (yeo_johnson, yeo_johnson_inverse),
}
"""Name -> the map of numeric entries before they are centred and scaled, and its inverse."""


LEVEL_SHARE = 0.1
"""What the scaling ``shape`` keeps of the mean of a window's channel: enough to undo it."""


def damp_levels(values: Tensor, window: tuple[int, int] | None, *, inverse: bool = False) -> Tensor:
    """Damp the mean of each channel of windows, ``(n, D)``, so that their shape counts.

    Raises:
        InputError: If the records aren't windows.
    """
    if window is None:
        raise InputError("setting views=shape is for series")
    size = window[0] * window[1]
    channels = values[:, :size].unflatten(1, window)
    factor = (1 / LEVEL_SHARE if inverse else LEVEL_SHARE) - 1
    damped = channels + factor * channels.mean(-1, keepdim=True)
    return torch.cat([damped.flatten(1), values[:, size:]], 1)


class EnsembleScaler(nn.Module):
    """Scaled copies of encoded records, one for each member: ``(n, D) -> (M, n, D)``.

    A numeric entry passes through the member's map and is then centred, scaled and soft-tailed; a
    0/1 entry only the latter three.  Pixels are brought to [-1, 1] by their channel's range, which
    is the same for all members.  All of it is monotone in each entry and can be inverted.

    Pictures larger than networks are shown are averaged to the networks' size first; the inverse
    enlarges them.

    Attributes:
        encoded: The layout of encoded records.
        spec: The layout of scaled records, as networks see them.
        scalings: The scaling of each member, keys of `SCALINGS`.
        members: Number of members, M.
        runs: Kind of entry -> its entries, as a slice if they are neighbours.
        block_count: Number of categories.
        block_index: For each entry of a category, the number of the category.
    """

    loc: Tensor
    scale: Tensor
    power: Tensor
    numeric: Tensor
    indicator: Tensor
    category: Tensor
    pixel: Tensor
    block_index: Tensor
    conditions: Tensor

    def __init__(self, spec: Spec, scalings: Sequence[str]) -> None:
        """Allocate the state that :meth:`fit` or ``load_state_dict`` fills."""
        super().__init__()
        self.encoded, self.spec = spec, spec.for_networks
        self.scalings, self.members = tuple(scalings), len(scalings)
        spec = self.spec
        shape = (len(scalings), 1, spec.size)
        self.register_buffer("loc", torch.zeros(shape, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(shape, dtype=torch.float64))
        self.register_buffer("power", torch.ones(spec.size, dtype=torch.float64))
        self.runs: dict[Kind, slice | Tensor] = {}
        kinds: tuple[Kind, ...] = "numeric", "indicator", "category", "pixel"
        for kind in kinds:
            entries = _find_entries(spec, kind)
            self.register_buffer(kind, entries, persistent=False)
            self.runs[kind] = _to_slice(entries)
        widths = torch.tensor([span.width for span in spec.spans if span.kind == "category"]).long()
        self.block_count = len(widths)
        index = torch.repeat_interleave(torch.arange(len(widths)), widths)
        self.register_buffer("block_index", index, persistent=False)
        stored = torch.zeros(CONDITION_ROWS if spec.condition_size else 0, spec.condition_size)
        self.register_buffer("conditions", stored, persistent=bool(spec.condition_size))

    def select_members(self, members: Sequence[int]) -> EnsembleScaler:
        """A fitted scaler of the given members."""
        scaler = EnsembleScaler(self.encoded, [self.scalings[m] for m in members])
        scaler.load_state_dict(
            self.state_dict()
            | {key: self.get_buffer(key)[list(members)] for key in ("loc", "scale")}
        )
        return scaler

    def fit(self, values: NDArray[Any]) -> EnsembleScaler:
        """Fit the scales to encoded training rows, ``(n, D)`` of any number type.

        A 0/1 entry is scaled by its standard deviation with one more 0 and one more 1 counted in
        (Laplace's rule), so that a level never seen weighs like the rarest possible one.
        """
        if self.encoded is not self.spec:
            parts = torch.from_numpy(values).split(_REDUCED_AT_ONCE)
            values = torch.cat([self._reduce(part) for part in parts]).numpy()
        record = self.spec.record_size
        if self.spec.condition_size:
            rows = np.linspace(0, len(values) - 1, CONDITION_ROWS).astype(int)
            self.conditions = torch.from_numpy(values[rows, record:]).float()
        first = len(self.pixel)  # pixels come first
        self._fit_pixels(values[:, :first])
        values = values[:: -(-len(values) // _MAX_FIT_ROWS), first:].astype(np.float64, copy=False)
        numeric = self.numeric.numpy() - first
        if "power" in self.scalings:
            self.power[self.numeric] = torch.from_numpy(_fit_powers(values[:, numeric]))
        rate = (values.sum(0) + 1) / (len(values) + 2)
        spread = np.sqrt(np.clip(rate * (1 - rate), 0, None))
        for m, name in enumerate(self.scalings):
            mapped = self._map_as(name, torch.from_numpy(values), self.power[first:]).numpy()
            loc = values.mean(0)
            scale = np.maximum(spread, 1e-12)
            loc[numeric] = mapped[:, numeric].mean(0)
            scale[numeric] = mapped[:, numeric].std(0)
            if name == "minmax" and record > first:
                scale[: record - first] = _fit_ranges(mapped[:, : record - first])
            loc[record - first :], scale[record - first :] = 0, 1  # conditions aren't scaled
            self.loc[m, 0, first:] = torch.from_numpy(loc)
            self.scale[m, 0, first:] = torch.from_numpy(np.where(scale > 1e-12, scale, 1.0))
        return self

    def _fit_pixels(self, values: NDArray[Any]) -> None:
        """Fit the range of each channel, ``(n, C·H·W)``."""
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
        """Scale encoded rows, ``(n, D)`` or ``(M, n, D)``, to ``(M, n, D)`` in float64."""
        values = self._reduce(values).double()
        values = values.expand(self.members, *values.shape[-2:])
        return soft_tail((self._map(values, inverse=False) - self.loc) / self.scale)

    def inverse(self, scaled: Tensor) -> Tensor:
        """Undo :meth:`forward`, ``(M, n, D) -> (M, n, D)`` in float64."""
        unscaled = soft_tail_inverse(scaled.double()) * self.scale + self.loc
        return self._enlarge(self._map(unscaled, inverse=True))

    def _reduce(self, values: Tensor) -> Tensor:
        """Encoded records as networks see them, not yet scaled, ``(…, D) -> (…, D')``."""
        if self.encoded is self.spec or self.encoded.grid is None:
            return values
        pixels = values[..., : math.prod(self.encoded.grid)].float()
        small = adaptive_avg_pool2d(pixels.reshape(-1, *self.encoded.grid), self._network_size)
        small = small.reshape(*values.shape[:-1], -1)
        return torch.cat([small, values[..., self.encoded.record_size :].float()], -1)

    def _enlarge(self, values: Tensor) -> Tensor:
        """Undo :meth:`_reduce`; pictures have no padding."""
        if self.encoded is self.spec or self.encoded.grid is None or self.spec.grid is None:
            return values
        at, (channels, height, width) = self.spec.record_size, self.encoded.grid
        pixels = values[..., :at].reshape(-1, *self.spec.grid)
        large = interpolate(pixels, (height, width), mode="bilinear")
        flat = large.reshape(*values.shape[:-1], -1)
        extent = self.encoded.record_size - channels * height * width
        full = values.new_full((*values.shape[:-1], extent), EXTENT_UNITS)
        return torch.cat([flat, full, values[..., at:]], -1)

    @property
    def _network_size(self) -> tuple[int, int]:
        """Height and width of the pictures that networks see."""
        _, height, width = self.spec.grid or (0, 0, 0)
        return height, width

    def scale_pictures(self, values: Tensor) -> Tensor:
        """Encoded pictures in full size, each channel's training range in [-1, 1].

        Args:
            values: Encoded records, ``(n, D)``.

        Returns:
            ``(n, C, H, W)`` float32.
        """
        channels, height, width = self.encoded.grid or (0, 0, 0)
        pixels = values[:, : channels * height * width].reshape(-1, channels, height, width)
        per_channel = self.pixel.reshape(channels, -1)[:, 0]
        loc, scale = (each[0, 0, per_channel][:, None, None] for each in (self.loc, self.scale))
        return (pixels.float() - loc.float()) / scale.float()

    def _map(self, values: Tensor, *, inverse: bool) -> Tensor:
        """Apply each member's map to its numeric entries."""
        if set(self.scalings) <= {"standard", "minmax"}:
            return values
        out = values.clone()
        numeric = self.runs["numeric"]
        power = self.power[numeric]
        for m, name in enumerate(self.scalings):
            if name not in ("standard", "minmax"):
                part = values[m][:, numeric]
                out[m][:, numeric] = self._map_as(name, part, power, inverse=inverse)
        return out

    def _map_as(self, name: str, values: Tensor, power: Tensor, *, inverse: bool = False) -> Tensor:
        """Apply one scaling's map to entries, ``(n, D)``."""
        if name == "shape":
            return damp_levels(values, self.spec.window, inverse=inverse)
        return SCALINGS[name][int(inverse)](values, power)

    def scale_entries(self, p: Tensor, entries: Tensor) -> Tensor:
        """Scale probabilities at these entries, as 0/1 entries are, ``(M, n, len(entries))``."""
        loc, scale = self.loc[..., entries].to(p.dtype), self.scale[..., entries].to(p.dtype)
        return soft_tail((p - loc) / scale)

    def unscale_entries(self, x: Tensor, entries: Tensor) -> Tensor:
        """Probabilities at these entries of scaled records, ``(M, n, len(entries))``."""
        loc, scale = self.loc[..., entries].to(x.dtype), self.scale[..., entries].to(x.dtype)
        return (soft_tail_inverse(x[..., entries]) * scale + loc).clamp(0, 1)

    def sample_conditions(
        self, count: int, generator: torch.Generator, levels: Mapping[str, int] | None = None
    ) -> Tensor:
        """Conditions of random training rows, ``(count, K)`` float64; K is 0 without any.

        Args:
            count: Number of rows.
            generator: Source of randomness.
            levels: Condition column -> slot that it must hold; other conditions are sampled from
                training rows that hold these.
        """
        stored = self.conditions.double()
        if not self.spec.condition_size:
            return stored.new_zeros(count, 0)
        stored = self._restrict_conditions(stored, levels or {})
        rows = torch.randint(len(stored), (count,), generator=generator)
        return stored[rows.to(stored.device)]

    def _restrict_conditions(self, conditions: Tensor, levels: Mapping[str, int]) -> Tensor:
        """The rows that hold the levels; if there are none, all rows with the levels set."""
        at = self.spec.record_size
        fixed = [
            (slice(span.start - at, span.stop - at), span.start - at + levels[span.column])
            for span in self.spec.spans
            if span.kind == "condition" and span.column in levels
        ]
        matching = conditions[(conditions[:, [slot for _, slot in fixed]] > 0).all(1)]
        if len(matching):
            return matching
        conditions = conditions.clone()
        for block, slot in fixed:
            conditions[:, block] = 0
            conditions[:, slot] = 1
        return conditions


def _find_entries(spec: Spec, kind: str) -> Tensor:
    """Indices of the entries of one kind."""
    indices = [i for s in spec.spans if s.kind == kind for i in range(s.start, s.stop)]
    return torch.tensor(indices, dtype=torch.long)


def _to_slice(entries: Tensor) -> slice | Tensor:
    """The same entries as a slice if they are neighbours, since that copies nothing."""
    if not len(entries):
        return slice(0, 0)
    first, last = int(entries[0]), int(entries[-1])
    return slice(first, last + 1) if last - first + 1 == len(entries) else entries


def _fit_ranges(mapped: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranges of the columns times one factor, with which scaled columns have mean variance 1."""
    ranges = np.ptp(mapped, axis=0)
    ranges = np.where(ranges > 1e-12, ranges, 1.0)
    return np.asarray(ranges * max(np.sqrt((mapped / ranges).var(0).mean()), 1e-6))


def _fit_powers(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Maximum-likelihood powers of the columns, from a grid, ``(n, columns) -> (columns,)``.

    Values are clipped first: a single extreme one would decide the power of its column.
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
