"""Cost of methods in floating-point operations, which unlike seconds are exact."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from anomgan.bench.gans import DEFAULT_METHOD
from anomgan.config import Config
from anomgan.data.ensemble_scaler import EnsembleScaler
from anomgan.data.spec import Spec
from anomgan.gans import GAN, get_method
from anomgan.gans.blockwise import rows_per_block
from anomgan.scoring.components import Component
from anomgan.scoring.features import RecordFeatures
from anomgan.scoring.scorer import evaluate_components, make_components
from anomgan.training.sampler import Sampler

COLUMNS = 20
"""Numeric columns of the table on which operations are counted."""


@dataclass(frozen=True)
class Cost:
    """Floating-point operations per member.

    Attributes:
        fit: Of all training steps.
        score: Of scoring one row.
    """

    fit: float
    score: float


class _FlopCounter(TorchDispatchMode):
    """Counts the operations of matrix products, including those of second derivatives.

    torch's own FlopCounterMode uses module hooks, which ``torch.autograd.grad`` doesn't allow.
    """

    def __init__(self) -> None:
        """Start at 0."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0.0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Count and run one operation."""
        out = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def estimate_cost(name: str, config: Config) -> Cost:
    """Count the matrix products of a method on a table of :data:`COLUMNS` numeric columns.

    Raises:
        InputError: If there is no such method.
    """
    config = replace(config, members=1)
    spec = Spec.of([(f"x{i}", "numeric", 1, f"x{i}") for i in range(COLUMNS)])
    source = torch.Generator().manual_seed(0)
    values = torch.randn(config.memory_rows, COLUMNS, generator=source, dtype=torch.float64)
    views = EnsembleScaler(spec, config.views[:1]).fit(values.numpy())
    with torch.random.fork_rng(devices=[]):
        gan = get_method(name)(views, config)
    rows = [torch.arange(len(values))]
    sampler = Sampler(gan, values, rows, source)

    fit = 0.0
    for phase in gan.phases():
        for update in phase.updates:
            weights = [w for net in update.networks for w in gan.get_submodule(net).parameters()]
            steps = max(1, round(phase.share * config.steps))
            steps = update.limit_steps(steps, math.inf, math.inf)
            with _FlopCounter() as counter:
                torch.autograd.grad(update.loss(sampler()).sum(), weights)
            fit += steps * update.repeats * counter.total

    gan.eval().requires_grad_(False)
    # Any latent vectors do for the memory: a new row costs the same.
    scaled = views(values).float()
    z = scaled if gan.inversion == "none" else gan.sample_prior(len(values), source)
    features = RecordFeatures(gan, scaled, z)
    components = make_components(config, config.score)
    for component in components:
        component.fit(features, rows)
    steps = config.search_steps if gan.inversion == "prior" else config.inversion_steps
    first, second = (_count_scoring(gan, components, values, steps) for steps in (1, 2))
    return Cost(fit, first + (steps - 1) * (second - first))


def list_methods() -> list[dict[str, Any]]:
    """All methods as plain data, by name: what they are, and their cost in units of the default's.

    Costs are None where a method takes no tables, on which they are counted.
    """
    unit = estimate_cost(DEFAULT_METHOD, Config())
    methods = []
    for name, gan in sorted(GAN.registry.items()):
        cost = estimate_cost(name, Config()) if "tables" in gan.kinds else None
        methods.append(
            {
                "name": name,
                "default": name == DEFAULT_METHOD,
                "paper": gan.paper,
                "year": gan.year,
                "kinds": list(gan.kinds),
                "score": gan.formula,
                "fit_cost": None if cost is None else round(cost.fit / unit.fit, 1),
                "score_cost": None if cost is None else round(cost.score / unit.score, 1),
            }
        )
    return methods


def _count_scoring(gan: GAN, components: list[Component], values: Tensor, steps: int) -> float:
    """Count operations per row when inversion takes `steps` steps."""
    gan.config = replace(gan.config, search_steps=steps, inversion_steps=steps)
    block = values[: rows_per_block(gan)].numpy()
    with _FlopCounter() as counter:
        evaluate_components(gan, components, block)
    return float(counter.total) / len(block)
