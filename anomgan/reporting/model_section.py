"""The report's sections on the model: data, settings, training health, calibration, limits."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from anomgan.calibration.conformal import NEVER_FLAGGED
from anomgan.config import Config
from anomgan.data.table.columns.boolean import BooleanColumn
from anomgan.data.table.columns.categorical import CategoryColumn
from anomgan.data.table.columns.column import Column
from anomgan.data.table.columns.condition import ConditionColumn
from anomgan.data.table.columns.datetimes import DatetimeColumn
from anomgan.data.table.columns.numeric import NumericColumn
from anomgan.fit_summary import format_fit_time
from anomgan.training.health import MEASURES, describe_health, grade_health, summarize_health
from anomgan.training_gain import describe_training_gain
from anomgan.utils.text import join_limited

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector
    from anomgan.training.health import Health


def describe_model(detector: GANDetector, name: str) -> dict[str, Any]:
    """All facts about a model, for the template.

    Args:
        detector: A fitted detector.
        name: The model's name in the report.
    """
    fitted, facts = detector.ensemble_, detector.training_facts_
    gan, schema = fitted.gan, detector.encoder_.schema
    columns = [*schema.columns, *schema.conditions]
    return {
        "name": name,
        "method": gan.name,
        "paper": f"{gan.paper} ({gan.year})",
        "formula": gan.formula,
        "score": gan.config.score,
        "preset": detector.preset,
        "settings": _settings(gan.config),
        "source": facts.get("source", "a table in memory"),
        "rows": facts["rows"],
        "abnormal_rows": facts.get("abnormal_rows") or 0,
        "other_rows": facts.get("other_rows"),
        "members": gan.views.members,
        "lost_rows": facts.get("lost_rows") or 0,
        "kinds": ", ".join(detector.encoder_.summary().values()),
        "unit": detector.encoder_.unit,
        "summary": [*detector.encoder_.summary().items()],
        "columns": [
            {
                "name": column.name,
                "kind": column.kind,
                "holds": describe_column(column),
                "missing": column.missing,
            }
            for column in columns
        ],
        "conditions": [column.name for column in schema.conditions],
        "dropped": facts["dropped"],
        "set_aside": _set_aside(facts),
        "notes": facts["notes"][len(facts["dropped"]) :],
        "health": _health(detector),
        "calibration": _calibration(detector),
        "environment": [*facts["versions"].items()],
        "written_with": [("anomgan", version("anomgan")), ("python", platform.python_version())],
        "seconds": facts["seconds"],
        "fitted": format_fit_time(facts) or "not recorded",
        "device": facts["device"],
        "seed": facts["seed"],
        "privacy": list(_privacy(detector)),
        "limits": list(_limits(detector)),
    }


def describe_column(column: Column) -> str:
    """The values of a column in training, in the user's units."""
    if isinstance(column, NumericColumn):
        unit = " s" if column.dtype.startswith("timedelta") else ""
        if column.number_form is not None and column.number_form.unit:
            unit = f" {column.number_form.unit}"
        whole = ", whole numbers" if column.integer else ""
        return f"median {column.center:.5g}{unit}, spread {column.scale:.3g}{unit}{whole}"
    if isinstance(column, CategoryColumn | ConditionColumn):
        count = len(column.levels) + len(column.rare)
        rare = f"; {len(column.rare):,} of them pooled as rare" if column.rare else ""
        return f"{count:,} levels: {join_limited(column.levels, 5)}{rare}"
    if isinstance(column, BooleanColumn):
        return f"{column.labels[0]} or {column.labels[1]}"
    if isinstance(column, DatetimeColumn):
        cycles = ", ".join(column.cycles) or "none"
        elapsed = "" if column.elapsed else "; time elapsed isn't judged"
        after = f"; counted from {column.after}" if column.after else ""
        return f"cycles: {cycles}{after}{elapsed}"
    return column.kind


def _settings(config: Config) -> list[tuple[str, str, bool]]:
    """Name, value and whether it differs from the default."""
    default = Config().to_json()
    return [
        (
            key,
            ", ".join(value) if isinstance(value, tuple | list) else str(value),
            value != default[key],
        )
        for key, value in config.to_json().items()
    ]


def _set_aside(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Option and column of each column that the user set aside."""
    aside = facts.get("set_aside", {})
    single = [(f"--{key}", aside.get(key)) for key in ("id", "label")]
    several = [("--drop", name) for name in aside.get("drop", [])]
    return [(option, name) for option, name in [*single, *several] if name is not None]


def _health(detector: GANDetector) -> dict[str, Any]:
    last, gain = detector.history_.held_out, detector.training_facts_.get("gain")
    return {
        "state": "not measured" if last is None else grade_health(last),
        "collapsed": 0 if last is None else len(last.collapsed()),
        "headline": summarize_health(last).partition("; ")[2] or describe_health(last)[0],
        "sentences": [f"training {describe_training_gain(gain)}", *describe_health(last)],
        "restarted": len(set(detector.history_.restarted)),
        "members": [] if last is None else _members(last, detector),
    }


def _members(last: Health, detector: GANDetector) -> list[dict[str, Any]]:
    """A row for each member: its scaling, and its measures beside those of real rows."""
    names = detector.ensemble_.gan.views.scalings
    return [
        {
            "member": m,
            "view": names[m],
            "measures": [(last.measures[key][m], last.baseline[key][m]) for key in MEASURES[:4]],
        }
        for m in range(len(names))
    ]


def _calibration(detector: GANDetector) -> dict[str, Any]:
    """The threshold, and the share of fresh normal rows that it flags."""
    calibrator, facts = detector.ensemble_.calibrator, detector.training_facts_["calibration"]
    threshold, n = -detector.offset_, len(calibrator.scores)
    above = int(np.sum(calibrator.scores > threshold))
    # Whichever rule chose the threshold, it lies just below the score of this rank.
    low, high = calibrator.flag_rate_interval(min(1.0, (above + 1) / (n + 1)))
    return {
        "rows": n,
        "cross_fitted": facts["cross_fitted"],
        "rule": facts["rule"],
        "alpha": detector.alpha,
        "contamination": detector.contamination,
        "threshold": None if threshold >= NEVER_FLAGGED else threshold,
        "smallest_p": calibrator.smallest_alpha(),
        "share": above / n,
        "low": low,
        "high": high,
        "levels": [*facts.get("levels", {}).items()],
        "pooled_levels": facts.get("pooled_levels", []),
        "probability": detector.training_facts_.get("probability"),
    }


def _privacy(detector: GANDetector) -> Iterator[str]:
    """Sentences on what the model directory holds of the training data."""
    state, schema = detector.ensemble_.to_arrays(), detector.encoder_.schema
    unit = detector.encoder_.unit
    stored = {
        key.split(".")[-2]: value.shape[-2]
        for key, value in state.items()
        if key.startswith("component.") and key.endswith(".memory")
    }
    if "memory" in stored:
        yield (
            f"{stored['memory']:,} training {unit} for each fold, scaled but otherwise as they "
            f"are: they can be read back, so protect the model directory as you protect them"
        )
    if "neighbours" in stored:
        yield (
            f"{stored['neighbours']:,} training {unit} for each fold as the networks see them "
            f"(features and residuals)"
        )
    if not stored:
        yield f"no training {unit}: the score needs none"
    yield f"{len(detector.ensemble_.calibrator.scores):,} scores of held-out {unit}, no values"
    levels = [
        len(column.levels) + len(column.rare)
        for column in (*schema.columns, *schema.conditions)
        if isinstance(column, CategoryColumn | ConditionColumn)
    ]
    if levels:
        yield f"the names of {sum(levels):,} category levels, rare ones among them"
    numbers = sum(isinstance(column, NumericColumn | DatetimeColumn) for column in schema.columns)
    if numbers:
        yield f"median and spread of {numbers:,} columns"
    constants = [dropped for dropped in schema.dropped if dropped.value is not None]
    if constants:
        yield f"the value of {len(constants):,} columns that never changed"
    if schema.conditions:
        yield f"the levels of {len(detector.ensemble_.gan.views.conditions):,} rows' conditions"
    yield (
        f"networks that generate {unit} like these; of rows, `anomgan sample --quality` measures "
        f"whether they repeat some"
    )


def _limits(detector: GANDetector) -> Iterator[str]:
    """Sentences on what the model can't do."""
    schema, calibration = detector.encoder_.schema, _calibration(detector)
    unit = detector.encoder_.unit
    yield (
        f"Normal means: drawn like the {unit} it was fitted on.  Where what is usual changes, fit "
        f"again; p-values hold for {unit} from the same source."
    )
    yield f"The {unit} are judged one by one.  Order, trends and repetition aren't seen."
    yield (
        f"No p-value is below {calibration['smallest_p']:.2g} (1 / ({calibration['rows']:,} + 1) "
        f"calibration {unit}): beyond that, rank by score."
    )
    if calibration["cross_fitted"]:
        yield ("There were few rows, so calibration is cross-fitted: its guarantee is approximate.")
    if calibration["rule"] == "contamination":
        yield "The threshold was set by contamination, so flags and p-values needn't agree."
    if schema.conditions:
        names = ", ".join(column.name for column in schema.conditions)
        yield (
            f"The {unit} are judged given {names}.  How often a level comes isn't judged, and "
            f"those under an unknown level are judged against all levels pooled."
        )
    if schema.dropped:
        yield (
            f"{len(schema.dropped):,} columns were of no use for learning and left out (see Data); "
            f"of constant ones a change is noticed."
        )
