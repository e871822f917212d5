"""What people want to know of a model, as labels and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from anomgan.cli.column_roles import ColumnRoles
from anomgan.cli.console import say
from anomgan.utils.text import join_limited

if TYPE_CHECKING:
    from anomgan.estimator import GANDetector

Facts = list[tuple[str, str]]

MOST_NOTES = 10
"""Notes on single columns that are shown; the first ones of a fit, on columns that the schema left
out, are told in one line."""


def training_facts(detector: GANDetector) -> Facts:
    """What was learnt from, for how long, and what follows."""
    facts = detector.training_facts_
    encoder = detector.encoder_
    return [
        (encoder.unit, f"{facts['rows']:,}{_besides(facts)}"),
        *_other_rows(facts),
        *encoder.summary().items(),
        *_conditions(facts),
        ("left out", _left_out(detector) or "nothing"),
        ("device", facts["device"]),
        ("seconds", f"{facts['seconds']:.1f}"),
        *calibration_facts(detector),
        ("health", _health(facts)),
        *(("note", note) for note in facts["notes"][len(facts["dropped"]) :][:MOST_NOTES]),
    ]


def calibration_facts(detector: GANDetector) -> Facts:
    """What scores mean: the threshold, what it lets pass, and probabilities if there are any."""
    facts = detector.training_facts_["calibration"]
    how = "cross-fitted" if facts["cross_fitted"] else "held out"
    unit = detector.encoder_.unit
    return [
        ("calibration", f"{facts['rows']:,} {unit}, {how}{_apart(facts)}"),
        ("threshold", _threshold(detector)),
        ("flagged", f"{facts['share_flagged']:.1%} of held-out {unit}{_interval(facts)}"),
        *_probability(detector),
    ]


def tell_if_out_of_reach(detector: GANDetector, alpha: float) -> None:
    """Warn of an alpha at which the model can't flag any row."""
    smallest = detector.ensemble_.calibrator.smallest_alpha()
    if alpha < smallest:
        say(
            f"warning: no row can be flagged at alpha {alpha:g}: the model's calibration rows "
            f"give no p-value below {smallest:.2g}"
        )


def _apart(facts: dict[str, Any]) -> str:
    """Which conditions are calibrated apart."""
    if "levels" not in facts:
        return ""
    own, pooled = facts["levels"], facts["pooled_levels"]
    if not own:
        return "; too few for each condition apart"
    rest = f"; too few, so pooled: {join_limited(pooled)}" if pooled else ""
    return f"; apart for {join_limited([f'{name} ({rows:,})' for name, rows in own.items()])}{rest}"


def _interval(facts: dict[str, Any]) -> str:
    """What share of fresh normal rows the threshold flags."""
    interval = facts.get("flagged_interval")
    if interval is None or facts["cross_fitted"] or facts["threshold"] is None:
        return ""
    return f"; of fresh normal ones {interval[0]:.1%} to {interval[1]:.1%} (95% confidence)"


def _probability(detector: GANDetector) -> Facts:
    """What labelled rows taught."""
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


def _other_rows(facts: dict[str, Any]) -> Facts:
    """Rows of a second domain, if there were any."""
    rows, source = facts.get("other_rows"), facts.get("other_source")
    if rows is None:
        return []
    return [("other rows", f"{rows:,}{f' from {source}' if source else ''}")]


def _conditions(facts: dict[str, Any]) -> Facts:
    """What the model conditions on, if on anything."""
    given = facts.get("conditions", {}).items()
    levels = [f"{name} ({n:,} {'level' if n == 1 else 'levels'})" for name, n in given]
    return [("condition", join_limited(levels))] if levels else []


def _health(facts: dict[str, Any]) -> str:
    """How well the GANs generate, beside real rows."""
    again = facts["restarted"]
    return f"{facts['health']}{f'; {again:,} members trained anew' if again else ''}"


def _besides(facts: dict[str, Any]) -> str:
    """Records that weren't learnt from."""
    counts = {"marked abnormal": "abnormal_rows", "that can't be read": "lost_rows"}
    found = [f"{facts[key]:,} {what}" for what, key in counts.items() if facts.get(key)]
    return f", besides {' and '.join(found)}" if found else ""


def _left_out(detector: GANDetector) -> str:
    roles = ColumnRoles.from_detector(detector)
    named = [f"{name!r} ({option})" for option, name in roles.options]
    useless = [f"{c['name']!r} ({c['reason']})" for c in detector.training_facts_["dropped"]]
    return join_limited([*named, *useless])


def _threshold(detector: GANDetector) -> str:
    calibration = detector.training_facts_["calibration"]
    value = calibration["threshold"]
    if value is None:
        return f"none: too few rows for alpha {detector.alpha:g}"
    if calibration["rule"] == "contamination":
        return f"{value:.6g} (contamination {detector.contamination:g})"
    return f"{value:.6g} (alpha {detector.alpha:g})"
