"""Are defects found where they are?  Maps beside known masks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import label as regions_of
from scipy.ndimage import zoom
from sklearn.metrics import roc_auc_score

from anomgan.bench.defects import DEFECTS, TOUCHING, Masks, Pictures, textures, with_defects
from anomgan.bench.gans import GANContender
from anomgan.bench.sets import LabelledSet
from anomgan.data.encoders.convert import fit_encoder, to_frame
from anomgan.errors import InputError
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble

MOST_NORMAL, MOST_DEFECTS = 1000, 200
"""Most pictures to fit on, and most with defects."""

SMALLEST = 28
"""Shorter side to which smaller pictures are enlarged: a scratch needs room."""

ALL = "all"
"""Stands for all kinds of defects together."""

MOST_FALSE = 0.3
"""Share of normal pixels that may be flagged wrongly, up to which AUPRO looks."""


@dataclass(frozen=True)
class Found:
    """How well defects were found on one kind of picture.

    Attributes:
        dataset: The pictures.
        kind: Which defects, a key of :data:`~anomgan.bench.defects.DEFECTS` or :data:`ALL`.
        detector: The method, or its untrained control.
        auroc: Area under the ROC curve over all pixels.
        aupro: Area under the curve of the mean overlap with each connected defect, up to
            :data:`MOST_FALSE` false alarms, in [0, 1] (Bergmann et al., "MVTec AD", 2019).
        pictures: How many had defects.
        seconds: To fit and to draw the maps.
    """

    dataset: str
    kind: str
    detector: str
    auroc: float
    aupro: float
    pictures: int
    seconds: float


def localised(
    gans: Sequence[GANContender], sets: Sequence[LabelledSet], seed: int
) -> Iterator[Found]:
    """Fit each method on normal pictures, of each set and of a texture, and look for defects.

    Gives a result for all kinds of defects together, then one for each.

    Raises:
        InputError: If a set can't be read or isn't gray.
    """
    for name, normal, new in _pictures(sets, seed):
        changed, masks, kinds = with_defects(new[:MOST_DEFECTS], seed)
        encoder, values, _ = fit_encoder(_framed(normal[:MOST_NORMAL]), size=normal.shape[1])
        odd, _ = encoder.transform(_framed(changed))
        for gan in gans:
            started = time.perf_counter()
            ensemble = TrainedEnsemble.fit(
                values,
                encoder.spec,
                name=gan.method,
                config=gan.config,
                seed=seed,
                device=gan.device,
            )
            detector = FittedEnsemble.fit(ensemble.gan, values, ensemble.rows, ensemble.folds)
            maps = detector.anomaly_maps(odd)
            spent = time.perf_counter() - started
            for kind in (ALL, *DEFECTS):
                chosen = (kinds == kind) | (kind == ALL)
                if chosen.any():
                    where, heights = masks[chosen], maps[chosen]
                    auroc = float(roc_auc_score(where.ravel(), heights.ravel()))
                    overlap = aupro(where, heights)
                    yield Found(name, kind, gan.name, auroc, overlap, len(where), spent)


def _pictures(sets: Sequence[LabelledSet], seed: int) -> Iterator[tuple[str, Pictures, Pictures]]:
    """Name, pictures to fit on, and normal pictures for defects."""
    for data in sets:
        parts = data.split(seed)
        encoder, values, _ = fit_encoder(parts.normal)
        channels, height, width = encoder.spec.grid or (0, 0, 0)
        if channels != 1:
            raise InputError(f"{data.path}: defects are made for gray pictures only")
        new, _ = encoder.transform(parts.new[parts.label == 0])
        grown = max(1.0, SMALLEST / min(height, width))
        shape = (-1, height, width)
        normal, usual = (
            zoom(each.reshape(shape).astype(float), (1, grown, grown), order=1)
            for each in (values[:MOST_NORMAL], new[:MOST_DEFECTS])
        )
        yield data.name, normal, usual
    yield "texture", textures(MOST_NORMAL, seed), textures(MOST_DEFECTS, seed + 1_000_003)


def _framed(pictures: Pictures) -> pd.DataFrame:
    frame = to_frame(pictures.astype(np.float32))
    if frame is None:
        raise InputError("no pictures")
    return frame


def aupro(masks: Masks, maps: NDArray[np.floating[Any]]) -> float:
    """Area under the per-region overlap curve, ``(n, H, W)`` each; 1 is perfect.

    A large defect counts as much as a small one; pixels that share a corner belong to one.  Of a
    random map it is 0.15.
    """
    usual = np.sort(maps[~masks])[::-1]
    rates = np.linspace(0, MOST_FALSE, 301)
    at = np.minimum((rates * len(usual)).astype(int), len(usual) - 1)
    overlaps = []
    for mask, own in zip(masks, maps, strict=True):
        numbered, count = regions_of(mask, TOUCHING)
        for number in range(1, count + 1):
            heights = np.sort(own[numbered == number])
            above = len(heights) - np.searchsorted(heights, usual[at], side="right")
            overlaps.append(above / len(heights))
    return float(np.trapezoid(np.mean(overlaps, 0), rates) / MOST_FALSE)


def table(found: Sequence[Found]) -> str:
    """A Markdown table."""
    lines = [
        "| pictures | defects | method | pixel AUROC | AUPRO | number | seconds |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {each.dataset} | {each.kind} | {each.detector} | {each.auroc:.3f} | {each.aupro:.3f} "
        f"| {each.pictures:,} | {each.seconds:,.1f} |"
        for each in found
    ]
    return "\n".join(lines) + "\n"
