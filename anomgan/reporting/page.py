"""Write the HTML report: render facts and figures into the template."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd
from markupsafe import Markup
from numpy.typing import ArrayLike

from anomgan.data.encoders.convert import to_frame
from anomgan.errors import InputError
from anomgan.fit_summary import format_time
from anomgan.plotting import figures as plots
from anomgan.plotting.style import svg
from anomgan.reporting.evaluation_section import describe_evaluation
from anomgan.reporting.model_section import describe_model
from anomgan.reporting.row_section import describe_top_rows
from anomgan.reporting.scored_rows import ScoredRows
from anomgan.reporting.series_section import draw_series, find_series_events
from anomgan.utils.text import escape_control

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector

TEMPLATES = ("page.html.j2", "style.css")


def report(
    detector: GANDetector,
    data: Any = None,
    *,
    labels: ArrayLike | None = None,
    normal: pd.DataFrame | None = None,
    names: list[str] | None = None,
    name: str = "anomgan model",
    source: str = "the data",
    made: datetime | None = None,
) -> str:
    """Write a report as one self-contained HTML page, without scripts or links to other files.

    Args:
        detector: A fitted detector.
        data: n rows to score, at least one: a DataFrame with the columns of training; or pictures,
            as the detector takes them.
        labels: Which of them are abnormal, (n,) of 0 and 1; adds an evaluation.
        normal: Normal rows to fit simple detectors on, for comparison; needs ``labels``.
        names: Names of the rows, (n,); by default its number or, of pictures, its path.
        name: The model's name in the report.
        source: The name of the rows.
        made: When the page is made, which it says; by default now.  All else on it depends on the
            model and the data alone.

    Returns:
        The page as text; write it as UTF-8, which it declares.

    Raises:
        InputError: If there are no rows, a column is missing, or labels don't fit.

    Example:
        >>> from anomgan import GANDetector, load_sample, report
        >>> sample = load_sample("penguins")
        >>> detector = GANDetector(settings={"steps": 20, "members": 1}, random_state=0)
        >>> detector = detector.fit(sample.normal)
        >>> page = report(detector, sample.new)
        >>> page.lower().startswith("<!doctype html>")
        True
    """
    model = describe_model(detector, name)
    history = detector.history_
    figures: dict[str, tuple[Figure, str]] = {}
    if history.curve:
        figures["losses"] = (plots.loss_curves(history.curve), "Losses over training")
    if history.health:
        figures["health"] = (
            plots.health_curves(history.health, history.held_out),
            "Coverage, density, two-sample accuracy and Fréchet distance over training",
        )
    summary, top_rows, evaluation, scores, truth = None, [], None, None, None
    if data is not None:
        frame = to_frame(data)
        if frame is None:
            raise InputError(f"{source}: has no column names; give a DataFrame")
        rows = ScoredRows.from_frame(detector, frame, labels=labels, names=names, source=source)
        if detector.encoder_.spec.window is not None:
            events = find_series_events(detector, rows)
            rows = replace(rows, peaks=[event.peak for event in events])
            figures["series"] = (
                draw_series(detector, rows, events),
                "The columns of the series, with the events",
            )
        summary, top_rows = rows.describe(detector.alpha), describe_top_rows(detector, rows)
        evaluation, curves = describe_evaluation(detector, rows, normal)
        figures |= curves
        figures["p_values"] = (plots.p_value_histogram(rows.p_value), "p-values of the rows")
        scores = rows.score[rows.readable]
        truth = None if rows.labels is None else rows.labels[rows.readable]
    figures["scores"] = (
        plots.score_histogram(
            detector.ensemble_.calibrator.scores, scores, truth, model["calibration"]["threshold"]
        ),
        "Scores of held-out normal rows and of the new rows",
    )
    return _render(
        made=format_time(made or datetime.now(UTC)),
        model=model,
        batch=summary,
        top=top_rows,
        evaluation=evaluation,
        figures={key: _svg(key, *figure) for key, figure in figures.items()},
    )


def _svg(key: str, figure: Figure, label: str) -> Markup:
    """A figure as markup that needs no escaping: all text in it is escaped already."""
    return Markup(svg(figure, key.replace("_", "-"), label=label))  # noqa: S704


def _render(**facts: Any) -> str:
    """Fill in the template; whatever isn't our own markup is escaped."""
    folder = files("anomgan.reporting")
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(
            {name: folder.joinpath(name).read_text(encoding="utf-8") for name in TEMPLATES}
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_escape,
    )
    environment.filters |= {
        "count": lambda value: f"{value:,}",
        "share": lambda value: f"{value:.1%}",
        "brief": lambda value: f"{value:.3g}",
        "short": lambda value: f"{value:.4g}",
    }
    return environment.get_template(TEMPLATES[0]).render(facts)


def _escape(value: Any) -> Any:
    """Escape control characters in users' text (autoescape does the rest)."""
    is_text = isinstance(value, str) and not isinstance(value, Markup)
    return escape_control(value) if is_text else value
