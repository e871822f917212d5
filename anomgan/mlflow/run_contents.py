"""Convert a fitted detector into MLflow's entities: parameters, tags, metrics and data set.

Everything comes from the detector itself, so that a fit can be logged later, too.
"""

from __future__ import annotations

import getpass
import json
import math
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector
    from anomgan.training.health import Health

MAX_VALUE_CHARS = 6000
"""Length to which MLflow limits the value of a parameter."""

FINGERPRINT_TAG = "anomgan.model"
"""The tag that finds the run of a model."""


def get_fit_interval(detector: GANDetector) -> tuple[int, int]:
    """Start and end of the fit, in milliseconds since 1970."""
    facts = detector.training_facts_
    end = int(facts.get("finished", 1000 * time.time()))
    return end - int(1000 * facts["seconds"]), end


def make_params(detector: GANDetector) -> list[Param]:
    """The detector's parameters, the training table, and the resolved settings."""
    facts = detector.training_facts_
    params = {
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
    params |= {f"config.{name}": value for name, value in settings.items()}
    return [Param(name, str(value)[:MAX_VALUE_CHARS]) for name, value in params.items()]


def make_tags(detector: GANDetector, fingerprint: str) -> dict[str, str]:
    """Versions of the libraries, user, health of the GANs, and the model's fingerprint."""
    facts = detector.training_facts_
    tags = {f"version.{name}": text for name, text in facts["versions"].items()}
    tags |= {
        "mlflow.source.name": "anomgan fit",
        "mlflow.source.type": "LOCAL",
        "mlflow.user": get_user_name(),
        "health": facts["health"],
        "restarted": str(facts["restarted"]),
    }
    if facts["notes"]:
        notes = "".join(f"- {note}\n" for note in facts["notes"])
        tags["mlflow.note.content"] = notes[:MAX_VALUE_CHARS]  # MLflow shows it as the description
    return tags | {FINGERPRINT_TAG: fingerprint}


def make_metrics(detector: GANDetector, model_id: str | None = None) -> list[Metric]:
    """Losses and health by training step, calibration, seconds, memory and system load.

    Args:
        detector: A fitted detector.
        model_id: The logged model that calibration and costs belong to.
    """
    facts = detector.training_facts_
    start, end = get_fit_interval(detector)
    history = detector.history_
    steps = max((point.steps for point in history.curve), default=1)

    def time_of(step: int) -> int:
        return start + (end - start) * min(step, steps) // steps

    metrics = [
        Metric(f"loss/{name}", loss, time_of(point.step), point.step)
        for point in history.curve
        for name, loss in point.losses.items()
    ]
    for health in history.health:
        metrics += [
            Metric(name, value, time_of(health.step), health.step)
            for name, value in _average_health("health", health)
        ]
    if history.held_out is not None:
        metrics += [
            Metric(name, value, end, steps)
            for name, value in _average_health("held_out", history.held_out)
        ]
    metrics += [
        Metric(name, float(value), end, steps, model_id=model_id)
        for name, value in _collect_final_values(facts).items()
        if value is not None
    ]
    if "system" in facts:
        every_ms = 1000 * facts["system"]["every_s"]
        metrics += [
            Metric(f"system/{name}", value, start + round(every_ms * (sample + 1)), sample)
            for name, values in facts["system"]["samples"].items()
            for sample, value in enumerate(values)
        ]
    return [metric for metric in metrics if math.isfinite(metric.value)]


def _collect_final_values(facts: Mapping[str, Any]) -> dict[str, float | None]:
    """Metrics that have one value for the whole fit."""
    calibration = facts["calibration"]
    return {
        "calibration/rows": calibration["rows"],
        "calibration/smallest_p_value": calibration["smallest_p_value"],
        "calibration/threshold": calibration["threshold"],
        "calibration/share_flagged": calibration["share_flagged"],
        "seconds": facts["seconds"],
        "peak_memory_mb": facts.get("peak_memory_mb"),
        "peak_gpu_memory_mb": facts.get("peak_gpu_memory_mb"),
        "members_trained_anew": facts["restarted"],
    }


def _average_health(prefix: str, health: Health) -> Iterator[tuple[str, float]]:
    """Means over the members: measures, the same between real records, gradient norms."""
    groups = (("", health.measures), ("_of_real", health.baseline), ("_gradient", health.slopes))
    for suffix, values in groups:
        for name, by_member in values.items():
            yield f"{prefix}/{name}{suffix}", sum(by_member) / len(by_member)


def make_dataset_input(detector: GANDetector, schema: str) -> DatasetInput:
    """The training table as an input of the run.

    Args:
        detector: A fitted detector.
        schema: The inputs of the model's signature as JSON.
    """
    facts = detector.training_facts_
    source = str(facts.get("source", "fitted in Python"))
    dataset = Dataset(
        name=source.replace("\\", "/").rpartition("/")[2][:500] or "table",
        digest=str(facts.get("digest", "unknown")),
        source_type="local",
        source=json.dumps({"uri": source}),
        schema=schema,
        profile=json.dumps({"num_rows": facts["rows"], "columns": facts["columns"]}),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def get_user_name() -> str:
    """The user's login name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user of a container may have none
        return "unknown"
