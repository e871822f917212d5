"""What is logged of a fit: all of it from the fitted detector, so that it can be sent later."""

from __future__ import annotations

import getpass
import json
import math
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector
    from anomgan.training.health import Health

LONGEST = 6000
"""Letters of a parameter's value that MLflow keeps."""

FINGERPRINT = "anomgan.model"
"""The tag by which a model's run is found again."""


def moments(detector: GANDetector) -> tuple[int, int]:
    """When the fit began and ended, in milliseconds since 1970."""
    facts = detector.training_facts_
    end = int(facts.get("finished", 1000 * time.time()))
    return end - int(1000 * facts["seconds"]), end


def params(detector: GANDetector) -> list[Param]:
    """How it was fitted: what the user chose, and every setting that follows."""
    facts = detector.training_facts_
    chosen = {
        "method": detector.method,
        "preset": detector.preset,
        "alpha": detector.alpha,
        "contamination": detector.contamination,
        "condition": ",".join(facts["conditions"]),
        "seed": facts["seed"],
        "device": facts["device"],
        "source": facts.get("source", ""),
        "rows": facts["rows"],
        "columns": json.dumps(facts["columns"]),
        "dropped": ", ".join(column["name"] for column in facts["dropped"]),
    }
    settings = detector.ensemble_.gan.config.to_json()
    config = {f"config.{name}": value for name, value in settings.items()}
    return [Param(name, str(value)[:LONGEST]) for name, value in (chosen | config).items()]


def tags(detector: GANDetector, fingerprint: str | None) -> list[RunTag]:
    """Versions of the libraries, who and what logged, how healthy the GANs are."""
    facts = detector.training_facts_
    found = {f"version.{name}": text for name, text in facts["versions"].items()}
    found |= {
        "mlflow.source.name": "anomgan fit",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": _user(),
        "health": facts["health"],
        "restarted": str(facts["restarted"]),
    }
    if facts["notes"]:
        notes = "".join(f"- {note}\n" for note in facts["notes"])
        found["mlflow.note.content"] = notes[:LONGEST]  # what MLflow shows as the description
    if fingerprint is not None:
        found[FINGERPRINT] = fingerprint
    return [RunTag(name, text) for name, text in found.items()]


def metrics(detector: GANDetector, model_id: str | None = None) -> list[Metric]:
    """Losses and health by step, calibration, seconds, memory, load of the machine."""
    facts = detector.training_facts_
    begin, end = moments(detector)
    training = detector.history_
    steps = max((point.steps for point in training.curve), default=1)
    found = []
    for point in training.curve:
        at = begin + (end - begin) * point.step // steps
        for name, loss in point.losses.items():
            found.append(Metric(f"loss/{name}", loss, at, point.step))
    for health in training.health:
        at = begin + (end - begin) * min(health.step, steps) // steps
        for name, value in _health("health", health):
            found.append(Metric(name, value, at, health.step))
    if training.held_out is not None:
        for name, value in _health("held_out", training.held_out):
            found.append(Metric(name, value, end, steps))
    for name, value in _figures(facts).items():
        found.append(Metric(name, value, end, steps, model_id=model_id))
    found += _system(facts.get("system"), begin)
    return [metric for metric in found if math.isfinite(metric.value)]


def _system(taken: Mapping[str, Any] | None, begin: int) -> list[Metric]:
    """Load of the machine, sampled while it fitted."""
    if taken is None:
        return []
    return [
        Metric(f"system/{name}", value, begin + round(1000 * taken["every_s"] * (at + 1)), at)
        for name, values in taken["samples"].items()
        for at, value in enumerate(values)
    ]


def _figures(facts: Mapping[str, Any]) -> dict[str, float]:
    """Single numbers of a fit."""
    calibration = facts["calibration"]
    known = {
        "calibration/rows": calibration["rows"],
        "calibration/smallest_p_value": calibration["smallest_p_value"],
        "calibration/threshold": calibration["threshold"],
        "calibration/share_flagged": calibration["share_flagged"],
        "seconds": facts["seconds"],
        "peak_memory_mb": facts.get("peak_memory_mb"),
        "peak_gpu_memory_mb": facts.get("peak_gpu_memory_mb"),
        "members_trained_anew": facts["restarted"],
    }
    return {name: float(value) for name, value in known.items() if value is not None}


def _health(prefix: str, health: Health) -> Iterator[tuple[str, float]]:
    """Means over the members: measures, the same between real records, norms of gradients."""
    groups = (("", health.measures), ("_of_real", health.baseline), ("_gradient", health.slopes))
    for suffix, values in groups:
        for name, members in values.items():
            yield f"{prefix}/{name}{suffix}", sum(members) / len(members)


def dataset(detector: GANDetector, schema: str) -> DatasetInput:
    """What was learnt from, as an input of the run.

    Args:
        detector: A fitted detector.
        schema: The signature's inputs as JSON.
    """
    facts = detector.training_facts_
    source = str(facts.get("source", "fitted in Python"))
    name = source.replace("\\", "/").rpartition("/")[2][:500] or "table"
    held = Dataset(
        name=name,
        digest=str(facts.get("digest", "unknown")),
        source_type="local",
        source=json.dumps({"uri": source}),
        schema=schema,
        profile=json.dumps({"num_rows": facts["rows"], "columns": facts["columns"]}),
    )
    return DatasetInput(held, [InputTag("mlflow.data.context", "training")])


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "unknown"
