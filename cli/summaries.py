"""Summarise a model as pairs of label and text."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import warn
from anomgan.utils.text import join_limited

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

Summary = list[tuple[str, str]]

MAX_NOTES = 10
"""Notes shown, not counting those about dropped columns, which share one line."""


def summarize_fit(detector: GANDetector) -> Summary:
    """Training data, duration, calibration, what training brought, and health."""
    from anomgan.fit_summary import format_fit_time
    from anomgan.training_gain import describe_training_gain

    facts = detector.training_facts_
    encoder = detector.encoder_
    fitted = format_fit_time(facts)
    return [
        *([] if fitted is None else [("fitted", fitted)]),
        (encoder.unit, f"{facts['rows']:,}{_describe_excluded_rows(facts)}"),
        *_describe_other_rows(facts),
        *encoder.summary().items(),
        *_describe_layout(facts),
        *_describe_conditions(facts),
        ("left out", _describe_excluded_columns(detector) or "nothing"),
        ("device", facts["device"]),
        ("seconds", f"{facts['seconds']:.1f}"),
        *summarize_calibration(detector),
        ("training", describe_training_gain(facts.get("gain"))),
        ("health", _describe_health(facts)),
        *(("note", note) for note in facts["notes"][len(facts["dropped"]) :][:MAX_NOTES]),
    ]


def summarize_calibration(detector: GANDetector) -> Summary:
    """Calibration rows, threshold, share of normal rows flagged, and probabilities if any."""
    facts = detector.training_facts_["calibration"]
    how = "cross-fitted" if facts["cross_fitted"] else "held out"
    unit = detector.encoder_.unit
    return [
        ("calibration", f"{facts['rows']:,} {unit}, {how}{_describe_levels(facts)}"),
        ("threshold", _describe_threshold(detector)),
        ("flagged", f"{facts['share_flagged']:.1%} of held-out {unit}{_describe_interval(facts)}"),
        *_describe_false_alarms(facts),
        *_describe_probability(detector),
    ]


def _describe_false_alarms(facts: dict[str, Any]) -> Summary:
    """How many events normal points of a series have, if a fit has just counted them."""
    found = facts.get("false_alarms")
    if found is None:
        return []
    text = f"{found['events']:,} events in {found['points']:,} held-out points"
    if found.get("days"):
        text += f", {found['events'] / found['days']:.2g} a day"
    return [("false alarms", text)]


def describe_model(detector: GANDetector, model: str) -> dict[str, Any]:
    """Everything in the model that is called ``model`` but the weights, as plain data."""
    from anomgan.fit_summary import format_fit_time
    from anomgan.training.health import describe_health

    gan, history = detector.ensemble_.gan, detector.history_
    return {
        "model": model,
        "method": gan.name,
        "paper": gan.paper,
        "year": gan.year,
        "plugins": _describe_plugins(detector),
        "fitted": format_fit_time(detector.training_facts_),
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


def summarize_plugins(detector: GANDetector) -> Summary:
    """The plug-ins that the model needs."""
    lines = []
    for record in _describe_plugins(detector):
        place = next(record[key] for key in ("file", "distribution", "module") if key in record)
        version = f" {record['version']}" if "version" in record else ""
        digest = f", sha256 {record['sha256'][:12]}…" if "sha256" in record else ""
        lines.append(
            ("plug-in", f"{record['name']}: {record['class']} of {place}{version}{digest}")
        )
    return lines


def _describe_plugins(detector: GANDetector) -> list[dict[str, str]]:
    """The same as plain data."""
    from anomgan.plugins.records import describe_plugins
    from anomgan.score_weights import parse_score

    gan = detector.ensemble_.gan
    return describe_plugins(gan.name, parse_score(gan.config.score))


def warn_if_unreachable(detector: GANDetector, alpha: float) -> None:
    """Warn about an alpha at which the model can't flag any row."""
    smallest = detector.ensemble_.calibrator.smallest_alpha()
    if alpha < smallest:
        warn(
            f"no row can be flagged at alpha {alpha:g}: the model's calibration rows "
            f"give no p-value below {smallest:.2g}"
        )


def _describe_levels(facts: dict[str, Any]) -> str:
    """Which conditions have a calibration of their own."""
    if "levels" not in facts:
        return ""
    rows_by_level, pooled = facts["levels"], facts["pooled_levels"]
    if not rows_by_level:
        return "; too few for each condition apart"
    rest = f"; too few, so pooled: {join_limited(pooled)}" if pooled else ""
    separate = join_limited([f"{name} ({rows:,})" for name, rows in rows_by_level.items()])
    return f"; apart for {separate}{rest}"


def _describe_interval(facts: dict[str, Any]) -> str:
    """Confidence interval of the share of fresh normal rows that are flagged."""
    interval = facts.get("flagged_interval")
    if interval is None or facts["cross_fitted"] or facts["threshold"] is None:
        return ""
    return f"; of fresh normal ones {interval[0]:.1%} to {interval[1]:.1%} (95% confidence)"


def _describe_probability(detector: GANDetector) -> Summary:
    """Calibration of probabilities, if labelled rows were given."""
    facts = detector.training_facts_.get("probability")
    if facts is None:
        return []
    normal = facts["rows"] - facts["abnormal_rows"]
    low, high = facts["false_positive_interval"]
    return [
        (
            "probability",
            f"{facts['kind']}, from {facts['rows']:,} labelled rows, {facts['abnormal_rows']:,} of "
            f"them abnormal; Brier score {facts['brier']:.3f}, expected calibration error "
            f"{facts['ece']:.3f} (cross-validated)",
        ),
        (
            "labelled",
            f"{facts['false_positives']:,} of {normal:,} normal rows flagged: {low:.1%} to "
            f"{high:.1%} (95% confidence)",
        ),
    ]


def _describe_other_rows(facts: dict[str, Any]) -> Summary:
    """Rows of a second domain, if there are any."""
    rows, source = facts.get("other_rows"), facts.get("other_source")
    if rows is None:
        return []
    return [("other rows", f"{rows:,}{f' from {source}' if source else ''}")]


def _describe_conditions(facts: dict[str, Any]) -> Summary:
    """Columns that the model is conditioned on, if any."""
    levels = [
        f"{name} ({n:,} {'level' if n == 1 else 'levels'})"
        for name, n in facts.get("conditions", {}).items()
    ]
    return [("condition", join_limited(levels))] if levels else []


def _describe_layout(facts: dict[str, Any]) -> Summary:
    """How the training file was laid out, if it was text or a sheet."""
    from anomgan.data.readers.layout import describe_layout

    return [("layout", describe_layout(facts["layout"]))] if "layout" in facts else []


def _describe_health(facts: dict[str, Any]) -> str:
    """Verdict on the GANs, and how many were retrained."""
    restarted = facts["restarted"]
    return f"{facts['health']}{f'; {restarted:,} members trained anew' if restarted else ''}"


def _describe_excluded_rows(facts: dict[str, Any]) -> str:
    """Rows that weren't used for training."""
    counts = {
        "marked abnormal": "abnormal_rows",
        "without a label": "unlabelled_rows",
        "that can't be read": "lost_rows",
    }
    parts = [f"{facts[key]:,} {what}" for what, key in counts.items() if facts.get(key)]
    return f", besides {' and '.join(parts)}" if parts else ""


def _describe_excluded_columns(detector: GANDetector) -> str:
    """Columns that weren't used for training, with the option or reason."""
    roles = ColumnRoles.from_detector(detector)
    named = [f"{name!r} ({option})" for option, name in roles.options]
    dropped = [f"{c['name']!r} ({c['reason']})" for c in detector.training_facts_["dropped"]]
    return join_limited([*named, *dropped])


def _describe_threshold(detector: GANDetector) -> str:
    calibration = detector.training_facts_["calibration"]
    value = calibration["threshold"]
    if value is None:
        return f"none: too few rows for alpha {detector.alpha:g}"
    if calibration["rule"] == "contamination":
        return f"{value:.6g} (contamination {detector.contamination:g})"
    return f"{value:.6g} (alpha {detector.alpha:g})"
