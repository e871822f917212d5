"""``anomgan info``."""

from __future__ import annotations

import typer

from anomgan.cli.console import print_json, show_facts
from anomgan.cli.options import (
    DEFAULT_MODEL,
    JsonOption,
    ModelArgument,
    NamedModelOption,
    choose_model,
    get_display_name,
)


def info(
    context: typer.Context,
    model: ModelArgument = DEFAULT_MODEL,
    named: NamedModelOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is in a model directory."""
    model = choose_model(context, model, named)

    from anomgan import load
    from anomgan.cli.column_table import list_readings, show_columns
    from anomgan.cli.summaries import describe_model, summarize_fit, summarize_plugins

    detector = load(model, device="cpu")
    if as_json:
        print_json(describe_model(detector, get_display_name(model)))
        return

    from anomgan.training.health import describe_health

    gan = detector.ensemble_.gan
    facts = detector.training_facts_
    show_facts(
        [
            ("model", get_display_name(model)),
            ("method", gan.name),
            ("paper", f"{gan.paper} ({gan.year})"),
            *summarize_plugins(detector),
            ("source", facts.get("source", "fitted in Python")),
            *summarize_fit(detector),
            ("preset", detector.preset),
            ("settings", ", ".join(f"{k}={v}" for k, v in (detector.settings or {}).items())),
            ("seed", str(facts["seed"])),
            ("networks", f"{gan.views.members} members"),
            *(("health", sentence) for sentence in describe_health(detector.history_.held_out)),
            ("versions", ", ".join(f"{k} {v}" for k, v in facts["versions"].items())),
        ]
    )
    show_columns(list_readings(detector))
