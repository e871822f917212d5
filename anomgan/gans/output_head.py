"""Turn a generator's raw output into scaled records, and compare records entry by entry."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from anomgan.data.ensemble_scaler import EnsembleScaler

MIN_PROBABILITY = 1e-6
"""Smallest probability in a deviance, which is therefore at most 27.6."""


def render(scaler: EnsembleScaler, raw: Tensor) -> Tensor:
    """Turn a generator's raw output into scaled records, ``(M, n, D) -> (M, n, D)``.

    Numeric entries stay, indicators become probabilities through the logistic function and the
    entries of each category through softmax; probabilities are scaled as 0/1 entries are.  Pixels
    are kept in their range by tanh.
    """
    if len(scaler.numeric) == raw.shape[-1]:
        return raw
    out = raw.clone()
    if len(scaler.pixel):
        out[..., scaler.pixel] = raw[..., scaler.pixel].tanh()
    if len(scaler.indicator):
        p = raw[..., scaler.indicator].sigmoid()
        out[..., scaler.indicator] = scaler.scale_entries(p, scaler.indicator)
    if len(scaler.category):
        p = _softmax(scaler, raw[..., scaler.category])
        out[..., scaler.category] = scaler.scale_entries(p, scaler.category)
    return out


def compute_residuals(scaler: EnsembleScaler, x: Tensor, y: Tensor) -> Tensor:
    """Residuals of scaled records x against rendered ones y, ``(M, n, D) × 2 -> (M, n, S)``.

    Pixels and numbers give differences.  Indicators and categories give deviance residuals,
    sqrt(−2 log p), where p is the probability under y of what x holds.  The squares of all S add
    up, as they would in a log-likelihood.

    Returns:
        Residuals of pixels, numeric entries, indicators, then one for each category.
    """
    parts = [x[..., run] - y[..., run] for run in (scaler.runs["pixel"], scaler.runs["numeric"])]
    if len(scaler.indicator):
        truth = scaler.unscale_entries(x, scaler.indicator)
        p = scaler.unscale_entries(y, scaler.indicator)
        parts.append(_squared_deviance(truth * p + (1 - truth) * (1 - p)).sqrt())
    if len(scaler.category):
        truth = scaler.unscale_entries(x, scaler.category)
        p = scaler.unscale_entries(y, scaler.category)
        parts.append(_squared_deviance(_sum_blocks(scaler, truth * p)).sqrt())
    return torch.cat(parts, -1)


def mismatch_from(scaler: EnsembleScaler, x: Tensor) -> Callable[[Tensor], Tensor]:
    """The distance from scaled records, as a function of a generator's raw output.

    Args:
        scaler: Scales the records.
        x: Scaled records, ``(M, n, D)``.

    Returns:
        Raw output, ``(M, n, D)``, to distances, ``(M, n)``: the sum of squares of
        ``compute_residuals(scaler, x, render(scaler, raw))`` up to rounding, but faster, since it
        skips scaling the probabilities and undoing that.
    """
    pixels, numbers = scaler.runs["pixel"], scaler.runs["numeric"]
    indicators = scaler.unscale_entries(x, scaler.indicator) if len(scaler.indicator) else None
    categories = scaler.unscale_entries(x, scaler.category) if len(scaler.category) else None

    def mismatch(raw: Tensor) -> Tensor:
        total = (x[..., numbers] - raw[..., numbers]).square().sum(-1)
        if len(scaler.pixel):
            total = total + (x[..., pixels] - raw[..., pixels].tanh()).square().sum(-1)
        if indicators is not None:
            p = raw[..., scaler.runs["indicator"]].sigmoid()
            total = total + _squared_deviance(indicators * p + (1 - indicators) * (1 - p)).sum(-1)
        if categories is not None:
            p = _softmax(scaler, raw[..., scaler.runs["category"]])
            total = total + _squared_deviance(_sum_blocks(scaler, categories * p)).sum(-1)
        return total

    return mismatch


def _sum_blocks(scaler: EnsembleScaler, entries: Tensor) -> Tensor:
    """Sum over the entries of each category, ``(M, n, sum of widths) -> (M, n, categories)``."""
    zeros = entries.new_zeros(*entries.shape[:-1], scaler.block_count)
    return zeros.index_add(-1, scaler.block_index, entries)


def _softmax(scaler: EnsembleScaler, raw: Tensor) -> Tensor:
    """Softmax over the entries of each category, ``(M, n, sum of widths)``."""
    index = scaler.block_index.expand_as(raw)
    lowest = raw.new_full((*raw.shape[:-1], scaler.block_count), -torch.inf)
    top = lowest.scatter_reduce(-1, index, raw.detach(), "amax")
    e = torch.exp(raw - top.gather(-1, index))
    return e / _sum_blocks(scaler, e).gather(-1, index)


def _squared_deviance(p: Tensor) -> Tensor:
    """−2 log p; the small addend keeps the gradient of its root finite at p = 1."""
    return -2 * torch.log(p.clamp(MIN_PROBABILITY, 1.0)) + 1e-9
