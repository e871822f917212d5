"""Rows with informative corruptions: fakes that teach a discriminator what makes rows normal.

A part of each row's columns, at least one, is replaced:

- ``swap``: each cell comes from a random other row, which breaks the dependence of columns;
- ``block``: all cells come from one other row;
- ``mix``: numbers move part of the way to another row's;
- ``uniform``: numbers are drawn evenly over the range of the training rows, or its bulk;
- ``noise``: numbers are moved by noise of 0.03 to 3 standard deviations, in four levels;
- ``generated``: cells come from a record that the generator made.

Where a kind is about numbers, other columns are swapped (or, by noise, stay as they are).  Windows
of series are corrupted part by part, and in the ways of :mod:`anomgan.gans.window_corruptions`
besides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from anomgan.data.spec import Spec
from anomgan.gans.batch import Batch
from anomgan.gans.window_corruptions import WINDOW_KINDS, draw_window_donors

KINDS = ("swap", "block", "mix", "uniform", "noise", "generated")

NOISE_LEVELS = (0.03, 0.1, 0.3, 1.0, 3.0)
"""Standard deviations between which noise is drawn; each interval is a kind of its own."""

CLASSES = len(KINDS) + len(NOISE_LEVELS) - 1
"""Kinds of rows: real ones, noise by its level, and the others."""

FIRST_KIND = (1, 2, 3, 4, 6, 5)
"""Label of each of `KINDS`; 0 is for real rows, and noise has one for each level from here on.
Those of windows come after all others."""

LABELS = dict(zip(KINDS, FIRST_KIND, strict=True)) | {
    name: CLASSES + number for number, name in enumerate(WINDOW_KINDS)
}

COVERAGE_POWER = 1.5
"""A cell is replaced with probability U to this power, U uniform for each row."""

PATCHES = 4
"""Patches along each side of a picture that are corrupted as a whole."""

WINDOW_PARTS = 8
"""Parts of each channel of a window that are corrupted as a whole."""

MARGIN = 0.1
"""Share of a column's range by which uniform draws exceed it."""


@dataclass(frozen=True)
class CorruptedRows:
    """What :func:`corrupt_rows` makes of real rows.

    Attributes:
        rows: Corrupted records with the conditions of the real ones, ``(M, B, *shape)``.
        kinds: What was done to each, ``(M, B)``, in ``[0, CLASSES)``; 0 if nothing changed.
        cells: Which columns changed, ``(M, B, columns)`` 0 or 1.
    """

    rows: Tensor
    kinds: Tensor
    cells: Tensor


def corrupt_rows(
    spec: Spec, batch: Batch, edges: Tensor, generated: Tensor | None = None
) -> CorruptedRows:
    """Corrupt the rows of a batch, an equal share in each way.

    Args:
        spec: The layout of a record.
        batch: Its real records are corrupted, in copies; source of randomness.
        edges: Quantiles of each numeric entry, ascending, ``(M, E, q)``.
        generated: Generated records, ``(M, B, *shape)``; None for no such corruptions.
    """
    column, continuous = (each.to(batch.real.device) for each in index_columns(spec))
    shape, size = batch.real.shape[:2], spec.record_size
    columns = int(column.max()) + 1
    real, conditions = batch.real[..., :size], batch.real[..., size:]
    chosen = batch.uniform(*shape, columns) < batch.uniform(*shape, 1) ** COVERAGE_POWER
    one = (batch.uniform(*shape, 1) * columns).long()
    chosen = chosen.scatter(2, one, True)[..., column]
    scattered = (batch.uniform(*shape, columns) * shape[1]).long()[..., column]
    swapped = real.gather(1, scattered)
    block = real.gather(1, (batch.uniform(*shape, 1) * shape[1]).long().expand_as(real))
    level = (batch.uniform(*shape) * (len(NOISE_LEVELS) - 1)).long()
    noise = _draw_noise(batch, level, continuous)
    share = batch.uniform(*shape, 1)
    donors = {
        "swap": swapped,
        "block": block,
        "mix": torch.where(continuous, real + share * (block - real), swapped),
        "uniform": torch.where(continuous, _draw_uniform(batch, edges, continuous), swapped),
        "noise": real + noise,
    }
    if generated is not None:
        donors["generated"] = generated[..., :size]
    if spec.window is not None:
        # The entries behind a window are shares and an indicator, which come from another row.
        for name, donor in draw_window_donors(batch, spec.window).items():
            donors[name] = torch.cat([donor, block[..., donor.shape[-1] :]], -1)
    kind = torch.arange(shape[1]) * len(donors) // shape[1]
    counts = torch.bincount(kind, minlength=len(donors)).tolist()
    pieces = [donors[name].split(counts, 1)[number] for number, name in enumerate(donors)]
    rows = torch.where(chosen, torch.cat(pieces, 1), real)
    kind = kind.to(real.device)
    changed = ((rows - real).abs() > 1e-6).to(real)
    cells = real.new_zeros(*shape, columns).index_add(-1, column, changed).clamp(max=1)
    labels = torch.tensor([LABELS[name] for name in donors], device=real.device)
    kinds = labels[kind] + level * (labels[kind] == LABELS["noise"])
    return CorruptedRows(torch.cat([rows, conditions], -1), kinds * (cells.amax(-1) > 0), cells)


def _draw_noise(batch: Batch, level: Tensor, continuous: Tensor) -> Tensor:
    """Gaussian noise on the numeric entries, of random size within each row's level."""
    bounds = torch.tensor(NOISE_LEVELS).log().to(batch.real)
    sigma = torch.lerp(
        bounds[level], bounds[level + 1], batch.uniform(*level.shape).to(bounds)
    ).exp()
    spread = batch.real[..., : len(continuous)].std(1, keepdim=True)
    return sigma[..., None] * spread * batch.normal(*level.shape, len(continuous)) * continuous


def _draw_uniform(batch: Batch, edges: Tensor, continuous: Tensor) -> Tensor:
    """Numbers within the range of the training rows and a margin, or between inner quantiles."""
    shape = batch.real.shape[:2]
    low, high = edges[:, None, :, 0], edges[:, None, :, -1]
    margin = MARGIN * (high - low)
    inner = edges[:, None, :, min(1, edges.shape[-1] // 2)], edges[:, None, :, -2]
    bulk = batch.uniform(*shape, 1) < 0.5
    low = torch.where(bulk, inner[0], low - margin)
    high = torch.where(bulk, inner[1].maximum(inner[0]), high + margin)
    out = batch.real.new_zeros(*shape, len(continuous))
    out[..., continuous] = low + batch.uniform(*shape, edges.shape[1]) * (high - low)
    return out


def count_classes(spec: Spec) -> int:
    """Kinds of rows that are told apart, real ones among them."""
    return CLASSES if spec.window is None else CLASSES + len(WINDOW_KINDS)


@lru_cache(maxsize=4)
def index_columns(spec: Spec) -> tuple[Tensor, Tensor]:
    """Index the entries of a record without conditions, ``(entries,)`` each.

    Returns:
        For each entry the index of its column, of pixels that of its patch, of windows that of its
        part; and whether the entry is continuous.
    """
    # On the CPU even where a model is being read, which builds networks without memory.
    cpu = torch.device("cpu")
    patches = torch.zeros(0, dtype=torch.long, device=cpu)
    if spec.grid is not None:
        channels, *sides = spec.grid
        down, across = (torch.arange(side, device=cpu) * PATCHES // side for side in sides)
        patches = (down[:, None] * PATCHES + across).flatten().repeat(channels)
    if spec.window is not None:
        channels, length = spec.window
        parts = min(WINDOW_PARTS, length)
        part = torch.arange(length, device=cpu) * parts // length
        patches = (torch.arange(channels, device=cpu)[:, None] * parts + part).flatten()
    apart = spec.spans[0 if spec.window is None else spec.window[0] :]
    spans = [span for span in apart if span.kind not in ("pixel", "condition")]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(s.column for s in spans))}
    first = int(patches.max()) + 1 if len(patches) else 0
    columns = [first + numbers[span.column] for span in spans for _ in range(span.width)]
    continuous = torch.zeros(spec.record_size, dtype=torch.bool, device=cpu)
    for span in spec.spans:
        continuous[span.slice] = span.kind in ("numeric", "pixel")
    return torch.cat([patches, torch.tensor(columns, dtype=torch.long, device=cpu)]), continuous
