"""``anomgan info``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anomgan.cli.console import show_facts
from anomgan.cli.options import DEFAULT_MODEL, ModelArgument, get_display_name

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector


def info(
    model: ModelArgument = DEFAULT_MODEL,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what is in a model directory."""
    from anomgan import load

    detector = load(model, device="cpu")
    if as_json:
        from anomgan.utils.serialization import to_plain

        typer.echo(json.dumps(to_plain(_to_json(detector)), indent=2))
        return

    from anomgan.cli.summaries import summarize_fit
    from anomgan.training.health import describe_health
    from anomgan.utils.text import quote_names

    gan = detector.ensemble_.gan
    facts = detector.training_facts_
    kinds = detector.encoder_.schema.names_by_kind().items()
    show_facts(
        [
            ("model", get_display_name(model)),
            ("method", gan.name),
            ("paper", f"{gan.paper} ({gan.year})"),
            ("source", facts.get("source", "fitted in Python")),
            *summarize_fit(detector),
            *((kind, quote_names(names)) for kind, names in kinds),
            ("preset", detector.preset),
            ("settings", ", ".join(f"{k}={v}" for k, v in (detector.settings or {}).items())),
            ("seed", str(facts["seed"])),
            ("networks", f"{gan.views.members} members"),
            *(("health", sentence) for sentence in describe_health(detector.history_.held_out)),
            ("versions", ", ".join(f"{k} {v}" for k, v in facts["versions"].items())),
        ]
    )


def _to_json(detector: GANDetector) -> dict[str, Any]:
    """Everything in the model but the weights."""
    from anomgan.training.health import describe_health

    gan, history = detector.ensemble_.gan, detector.history_
    return {
        "method": gan.name,
        "paper": gan.paper,
        "year": gan.year,
        "alpha": detector.alpha,
        "contamination": detector.contamination,
        "condition": detector.condition,
        "preset": detector.preset,
        "config": gan.config.to_json(),
        "training": detector.training_facts_,
        "health": [asdict(health) for health in history.health],
        "held_out": None if history.held_out is None else asdict(history.held_out),
        "health_in_words": describe_health(history.held_out),
        "schema": detector.encoder_.to_json(),
    }
