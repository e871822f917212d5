"""The page: facts and figures put into the template."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
import pandas as pd
from markupsafe import Markup
from numpy.typing import ArrayLike

from anomgan.data.encoders.convert import to_frame
from anomgan.errors import InputError
from anomgan.plotting import figures as plots
from anomgan.plotting.style import svg
from anomgan.report.evaluation_section import evaluation
from anomgan.report.model_section import model_facts
from anomgan.report.row_section import top_rows
from anomgan.report.scored_rows import Batch
from anomgan.utils.text import escape_control

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector


def report(
    detector: GANDetector,
    data: Any = None,
    *,
    labels: ArrayLike | None = None,
    normal: pd.DataFrame | None = None,
    names: list[str] | None = None,
    name: str = "anomgan model",
    source: str = "the data",
) -> str:
    """Write one HTML page that needs nothing but itself: no network, no script.

    Args:
        detector: A fitted detector.
        data: n rows to judge, at least one: a DataFrame with the columns of training; or pictures,
            as the detector takes them.
        labels: Which of them are abnormal, (n,) of 0 and 1; adds an evaluation.
        normal: Normal rows to fit simple detectors on, for comparison; needs ``labels``.
        names: What to call each row, (n,); by default its number or, of pictures, its path.
        name: What to call the model.
        source: What to call the rows.

    Returns:
        The page, encoded nowhere yet; it says that it is UTF-8.

    Raises:
        InputError: If there are no rows, a column is missing, or labels don't fit.
    """
    model = model_facts(detector, name)
    threshold = model["calibration"]["threshold"]
    scores = detector.ensemble_.calibrator.scores
    training = detector.history_
    figures: dict[str, tuple[Figure, str]] = {}
    if training.curve:
        figures["losses"] = (plots.loss_curves(training.curve), "Losses over training")
    if training.health:
        figures["health"] = (
            plots.health_curves(training.health, training.held_out),
            "Coverage, density, two-sample accuracy and Fréchet distance over training",
        )
    batch, found, top, judged = None, None, [], None
    if data is not None:
        frame = to_frame(data)
        if frame is None:
            raise InputError(f"{source}: has no column names; give a DataFrame")
        batch = Batch.judge(detector, frame, labels=labels, names=names, source=source)
        found, top = batch.facts(detector.alpha), top_rows(detector, batch)
        judged, curves = evaluation(detector, batch, normal)
        figures |= curves
        figures["p_values"] = (plots.p_value_histogram(batch.p_value), "p-values of the rows")
    figures["scores"] = (
        plots.score_histogram(
            scores,
            None if batch is None else batch.score[batch.read],
            None if batch is None or batch.labels is None else batch.labels[batch.read],
            threshold,
        ),
        "Scores of held-out normal rows and of the new rows",
    )
    return _rendered(
        model=model,
        batch=found,
        top=top,
        evaluation=judged,
        figures={key: _svg(key, *figure) for key, figure in figures.items()},
    )


def _svg(key: str, figure: Figure, label: str) -> Markup:
    """A figure as markup that needs no escaping: all text in it is escaped already."""
    return Markup(svg(figure, key.replace("_", "-"), label=label))  # noqa: S704


def _rendered(**facts: Any) -> str:
    """The template filled in; whatever isn't markup of ours is escaped."""
    folder = files("anomgan.report")
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(
            {name: folder.joinpath(name).read_text(encoding="utf-8") for name in TEMPLATES}
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "count": lambda value: f"{value:,}",
        "share": lambda value: f"{value:.1%}",
        "brief": lambda value: f"{value:.3g}",
        "short": lambda value: f"{value:.4g}",
    }
    return environment.get_template(TEMPLATES[0]).render(facts)


TEMPLATES = ("page.html.j2", "style.css")


def _shown(value: Any) -> Any:
    """Texts of users without characters that steer rather than show."""
    return (
        escape_control(value) if isinstance(value, str) and not isinstance(value, Markup) else value
    )
