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

from anomgan.bench.defects import (
    DEFECTS,
    EIGHT_CONNECTED,
    Masks,
    Pictures,
    add_defects,
    make_textures,
)
from anomgan.bench.gans import GANContender
from anomgan.bench.sets import LabelledSet
from anomgan.data.encoders.convert import fit_encoder, to_frame
from anomgan.errors import InputError
from anomgan.scoring.fitted_ensemble import FittedEnsemble
from anomgan.training.ensemble import TrainedEnsemble

MAX_NORMAL_PICTURES, MAX_DEFECT_PICTURES = 1000, 200
"""Most pictures to fit on, and most with defects."""

MIN_SIDE = 28
"""Shorter side to which smaller pictures are enlarged: a scratch needs room."""

ALL_DEFECTS = "all"
"""Stands for all kinds of defects together."""

MAX_FALSE_POSITIVE_RATE = 0.3
"""Share of normal pixels that may be flagged wrongly, up to which AUPRO looks."""


@dataclass(frozen=True)
class LocalizationResult:
    """How well defects were found on one kind of picture.

    Attributes:
        dataset: The pictures.
        kind: Which defects, a key of :data:`~anomgan.bench.defects.DEFECTS` or :data:`ALL_DEFECTS`.
        detector: The method, or its untrained control.
        auroc: Area under the ROC curve over all pixels.
        aupro: Area under the curve of the mean overlap with each connected defect, up to
            :data:`MAX_FALSE_POSITIVE_RATE`, in [0, 1] (Bergmann et al., "MVTec AD", 2019).
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


def localize_defects(
    gans: Sequence[GANContender], sets: Sequence[LabelledSet], seed: int
) -> Iterator[LocalizationResult]:
    """Fit each method on normal pictures, of each set and of a texture, and look for defects.

    Gives a result for all kinds of defects together, then one for each.

    Raises:
        InputError: If a set can't be read or isn't gray.
    """
    for name, normal, new in _draw_pictures(sets, seed):
        changed, masks, kinds = add_defects(new[:MAX_DEFECT_PICTURES], seed)
        encoder, values, _ = fit_encoder(
            _to_frame(normal[:MAX_NORMAL_PICTURES]), size=normal.shape[1]
        )
        odd, _ = encoder.transform(_to_frame(changed))
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
            for kind in (ALL_DEFECTS, *DEFECTS):
                chosen = (kinds == kind) | (kind == ALL_DEFECTS)
                if chosen.any():
                    where, heights = masks[chosen], maps[chosen]
                    auroc = float(roc_auc_score(where.ravel(), heights.ravel()))
                    overlap = compute_aupro(where, heights)
                    yield LocalizationResult(
                        name, kind, gan.name, auroc, overlap, len(where), spent
                    )


def _draw_pictures(
    sets: Sequence[LabelledSet], seed: int
) -> Iterator[tuple[str, Pictures, Pictures]]:
    """Name, pictures to fit on, and normal pictures for defects."""
    for data in sets:
        parts = data.split(seed)
        encoder, values, _ = fit_encoder(parts.normal)
        channels, height, width = encoder.spec.grid or (0, 0, 0)
        if channels != 1:
            raise InputError(f"{data.path}: defects are made for gray pictures only")
        new, _ = encoder.transform(parts.new[parts.label == 0])
        grown = max(1.0, MIN_SIDE / min(height, width))
        shape = (-1, height, width)
        normal, usual = (
            zoom(each.reshape(shape).astype(float), (1, grown, grown), order=1)
            for each in (values[:MAX_NORMAL_PICTURES], new[:MAX_DEFECT_PICTURES])
        )
        yield data.name, normal, usual
    yield (
        "texture",
        make_textures(MAX_NORMAL_PICTURES, seed),
        make_textures(MAX_DEFECT_PICTURES, seed + 1_000_003),
    )


def _to_frame(pictures: Pictures) -> pd.DataFrame:
    frame = to_frame(pictures.astype(np.float32))
    if frame is None:
        raise InputError("no pictures")
    return frame


def compute_aupro(masks: Masks, maps: NDArray[np.floating[Any]]) -> float:
    """Area under the per-region overlap curve, ``(n, H, W)`` each; 1 is perfect.

    A large defect counts as much as a small one; pixels that share a corner belong to one.  Of a
    random map it is 0.15.
    """
    usual = np.sort(maps[~masks])[::-1]
    rates = np.linspace(0, MAX_FALSE_POSITIVE_RATE, 301)
    at = np.minimum((rates * len(usual)).astype(int), len(usual) - 1)
    overlaps = []
    for mask, own in zip(masks, maps, strict=True):
        numbered, count = regions_of(mask, EIGHT_CONNECTED)
        for number in range(1, count + 1):
            heights = np.sort(own[numbered == number])
            above = len(heights) - np.searchsorted(heights, usual[at], side="right")
            overlaps.append(above / len(heights))
    return float(np.trapezoid(np.mean(overlaps, 0), rates) / MAX_FALSE_POSITIVE_RATE)


def format_table(found: Sequence[LocalizationResult]) -> str:
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
