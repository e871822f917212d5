"""Localisation of defects: anomaly maps compared with known masks, per pixel and per region."""

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

MAX_NORMAL_PICTURES, MAX_DEFECT_PICTURES = 1000, 200

MIN_SIDE = 28
"""Smaller pictures are enlarged to this shorter side, in pixels: a scratch needs room."""

ALL_DEFECTS = "all"
"""Name of all kinds of defects together."""

MAX_FALSE_POSITIVE_RATE = 0.3
"""False-positive rate up to which AUPRO integrates."""


@dataclass(frozen=True)
class LocalizationResult:
    """How well defects were localised on one kind of picture.

    Attributes:
        dataset: Name of the pictures.
        kind: Which defects, a key of :data:`~anomgan.bench.defects.DEFECTS` or :data:`ALL_DEFECTS`.
        detector: The method, or its untrained control.
        auroc: Area under the ROC curve over all pixels.
        aupro: Area under the curve of the mean overlap with each connected defect, up to
            :data:`MAX_FALSE_POSITIVE_RATE`, in [0, 1] (Bergmann et al., "MVTec AD", 2019).
        pictures: Number of pictures with defects.
        seconds: Time to fit and to compute the maps.
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
    """Fit each method on normal pictures of each set and of a texture, and evaluate its maps.

    Yields a result for all kinds of defects together, then one for each.

    Raises:
        InputError: If a set can't be read or isn't gray.
    """
    for name, normal, new in _draw_pictures(sets, seed):
        changed, masks, kinds = add_defects(new[:MAX_DEFECT_PICTURES], seed)
        encoder, values, _ = fit_encoder(
            _to_frame(normal[:MAX_NORMAL_PICTURES]), size=normal.shape[1]
        )
        abnormal, _ = encoder.transform(_to_frame(changed))
        for gan in gans:
            started = time.perf_counter()
            ensemble = gan.train(values, encoder.spec, seed)
            detector = FittedEnsemble.fit(ensemble.gan, values, ensemble.rows, ensemble.folds)
            maps = detector.anomaly_maps(abnormal)
            seconds = time.perf_counter() - started
            for kind in (ALL_DEFECTS, *DEFECTS):
                chosen = (kinds == kind) | (kind == ALL_DEFECTS)
                if chosen.any():
                    mask, scores = masks[chosen], maps[chosen]
                    auroc = float(roc_auc_score(mask.ravel(), scores.ravel()))
                    overlap = compute_aupro(mask, scores)
                    count = len(mask)
                    yield LocalizationResult(name, kind, gan.name, auroc, overlap, count, seconds)


def _draw_pictures(
    sets: Sequence[LabelledSet], seed: int
) -> Iterator[tuple[str, Pictures, Pictures]]:
    """Yield name, pictures to fit on, and normal pictures to add defects to."""
    for data in sets:
        parts = data.split(seed)
        encoder, values, _ = fit_encoder(parts.normal)
        channels, height, width = encoder.spec.grid or (0, 0, 0)
        if channels != 1:
            raise InputError(f"{data.path}: --defects needs gray pictures")
        new, _ = encoder.transform(parts.new[parts.label == 0])
        scale = max(1.0, MIN_SIDE / min(height, width))
        shape = (-1, height, width)
        normal, unspoilt = (
            zoom(each.reshape(shape).astype(float), (1, scale, scale), order=1)
            for each in (values[:MAX_NORMAL_PICTURES], new[:MAX_DEFECT_PICTURES])
        )
        yield data.name, normal, unspoilt
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
    """Area under the per-region overlap curve, normalised to 1; a random map has 0.15.

    A large region counts as much as a small one; pixels that share a corner are one region.

    Args:
        masks: True where pixels are abnormal, ``(n, H, W)``.
        maps: Scores of pixels, larger for more abnormal, likewise.
    """
    normal = np.sort(maps[~masks])[::-1]
    rates = np.linspace(0, MAX_FALSE_POSITIVE_RATE, 301)
    at = np.minimum((rates * len(normal)).astype(int), len(normal) - 1)
    overlaps = []
    for mask, scores in zip(masks, maps, strict=True):
        numbered, count = regions_of(mask, EIGHT_CONNECTED)
        for number in range(1, count + 1):
            region = np.sort(scores[numbered == number])
            above = len(region) - np.searchsorted(region, normal[at], side="right")
            overlaps.append(above / len(region))
    return float(np.trapezoid(np.mean(overlaps, 0), rates) / MAX_FALSE_POSITIVE_RATE)


def format_table(results: Sequence[LocalizationResult]) -> str:
    """Format results as a Markdown table."""
    lines = [
        "| pictures | defects | method | pixel AUROC | AUPRO | number | seconds |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {each.dataset} | {each.kind} | {each.detector} | {each.auroc:.3f} | {each.aupro:.3f} "
        f"| {each.pictures:,} | {each.seconds:,.1f} |"
        for each in results
    ]
    return "\n".join(lines) + "\n"
