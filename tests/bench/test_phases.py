from __future__ import annotations

import importlib

import pytest

from anomgan.bench.phases import OTHER, PHASES, compute_shares, find_phase, sample_stacks


@pytest.mark.parametrize(
    ("stack", "phase"),
    [
        (["anomgan.nets.mlp.MLP.forward", "anomgan.scoring.inversion._descend"], "inversion"),
        (
            ["anomgan.nets.mlp.MLP.forward", "anomgan.scoring.features.RecordFeatures.features"],
            "networks",
        ),
        (
            ["anomgan.nets.mlp.MLP.forward", "anomgan.training.trainer._PhaseRunner.step"],
            "losses and gradients",
        ),
        (
            [
                "anomgan.training.sampler.Sampler.__call__",
                "anomgan.training.trainer._PhaseRunner.step",
            ],
            "drawing batches",
        ),
        (["builtins.f", "anomgan.inverted.f"], OTHER),
        (["threading.Condition.wait", "anomgan.scoring.scorer.Scorer.__call__"], None),
        ([], None),
    ],
)
def test_stacks_have_phases(stack: list[str], phase: str | None) -> None:
    assert find_phase(stack) == phase


@pytest.mark.parametrize("name", [name for parts in PHASES.values() for name in parts])
def test_phases_speak_of_what_there_is(name: str) -> None:
    if name.startswith("mlflow"):
        return
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute)


def test_shares_are_of_the_whole() -> None:
    assert list(compute_shares({"a": 1, "b": 3}).items()) == [("b", 0.75), ("a", 0.25)]
    with sample_stacks() as counts:
        while not counts:
            sum(range(1000))
    assert sum(compute_shares(counts).values()) == pytest.approx(1)
