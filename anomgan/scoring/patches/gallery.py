"""A gallery of normal pictures: each place of a new one is compared with those of like pictures.

Like pictures are found first, by the means and deviations of their features, and places are then
compared with theirs (Cohen & Hoshen, "Sub-image anomaly detection with deep pyramid
correspondences", 2020), and with a sample of the places of all others, as PatchCore does.
"""

from __future__ import annotations

import torch
from torch import Tensor

from anomgan.scoring.patches.place_features import PlaceFeatures
from anomgan.scoring.whitening import fit_whitening, whiten

LIKE_PICTURES = 5
"""Pictures whose places a new picture's are compared with."""

SAMPLED_PLACES = 500
"""Places of all pictures that are compared with besides."""

MAX_GALLERY_VALUES = 2**24
"""Upper bound on the features of all places in a gallery: 64 MB."""

State = dict[str, Tensor]


def max_gallery_pictures(places: PlaceFeatures) -> int:
    """How many of such pictures a gallery holds at most."""
    return max(16, MAX_GALLERY_VALUES // places.places[0].numel())


def fit_gallery(features: PlaceFeatures, folds: list[Tensor]) -> State:
    """Fit scales to the pictures of each fold.

    Args:
        features: Those of N normal pictures.
        folds: For each of K folds the pictures that belong to it, in random order.

    Returns:
        ``mean`` and ``scale`` of features, ``(K, C)``; ``like.mean`` and ``like.map``, which whiten
        descriptors; ``member``, 1 where a picture belongs to a fold, ``(K, N)``; ``sample``, the
        sampled places, ``(K, m)``; and the pictures themselves.
    """
    generator = torch.Generator().manual_seed(0)
    whitening = fit_whitening(features.descriptors.expand(len(folds), -1, -1), folds)
    member = torch.zeros(len(folds), len(features.places))
    means, scales, samples = [], [], []
    for k, rows in enumerate(folds):
        member[k, rows] = 1
        part = features[rows]
        inside = part.places[part.inside].double()
        means.append(inside.mean(0))
        scales.append(inside.std(0).clamp(min=1e-4))
        flat = rows[:, None] * features.places.shape[1] + torch.arange(part.rings.shape[1])
        flat = flat[part.inside]
        order = torch.randperm(len(flat), generator=generator)
        samples.append(flat[order[: min(SAMPLED_PLACES, len(flat))]])
    count = min(len(sample) for sample in samples)
    return {
        "mean": torch.stack(means).float(),
        "scale": torch.stack(scales).float(),
        "like.mean": whitening["mean"],
        "like.map": whitening["map"],
        "member": member,
        "sample": torch.stack([sample[:count] for sample in samples]).float(),
        "places": features.places,
        "descriptors": features.descriptors,
        "rings": features.rings.float(),
    }


def find_residuals(features: PlaceFeatures, state: State, own: Tensor | None = None) -> Tensor:
    """What is left of each place's features when the nearest normal place's are taken off.

    Args:
        features: Those of n pictures.
        state: As :func:`fit_gallery` returned it.
        own: For each picture the one of the gallery that it is or was made of, which it isn't
            compared with, ``(n,)``; by default none.

    Returns:
        Residuals in units of their channels' deviations, ``(K, n, P, C)``; 0 for padding.
    """
    folds, inside = len(state["mean"]), state["rings"] >= 0
    residuals = features.places.new_zeros(folds, *features.places.shape)
    for k in range(folds):
        fold = {key: state[f"like.{key}"][[k]] for key in ("mean", "map")}
        known, new = (
            whiten(each[None], fold)[0] for each in (state["descriptors"], features.descriptors)
        )
        mean, scale = state["mean"][k], state["scale"][k]
        sample = (state["places"].flatten(0, 1)[state["sample"][k].long()] - mean) / scale
        for at, (places, within) in enumerate(zip(features.places, features.inside, strict=True)):
            distance = (known - new[at]).square().sum(1)
            distance = torch.where(state["member"][k] > 0, distance, torch.inf)
            if own is not None:
                distance[own[at]] = torch.inf
            like = distance.topk(min(LIKE_PICTURES, len(distance)), largest=False)
            chosen = like.indices[like.values.isfinite()]
            near = (state["places"][chosen][inside[chosen]] - mean) / scale
            # A sampled place may be the picture's own.
            normal = near if own is not None else torch.cat([near, sample])
            found = (places[within] - mean) / scale
            nearest = (normal.square().sum(1) - 2 * found @ normal.mT).argmin(1)
            residuals[k, at, within] = found - normal[nearest]
    return residuals
