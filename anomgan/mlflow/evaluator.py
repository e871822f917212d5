"""Evaluations: logged to the run of the fit, and as an evaluator for ``mlflow.models.evaluate``."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.models import EvaluationResult
from mlflow.models.evaluation import ModelEvaluator
from mlflow.models.evaluation.artifacts import ImageEvaluationArtifact

from anomgan.errors import InputError
from anomgan.metrics import checked_labels, metrics
from anomgan.mlflow.quiet import calm, reason
from anomgan.mlflow.tracking import Logged, find_run, fingerprint_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def log_evaluation(
    model: str | Path,
    found: Mapping[str, float],
    figures: Mapping[str, Figure] | None = None,
    *,
    source: str = "",
    tracking_uri: str | None = None,
) -> Logged:
    """Log metrics and figures to the run that a model's fit was logged to.

    Args:
        model: The model directory.
        found: What :func:`anomgan.metrics.metrics` gives; logged as ``evaluation/NAME``.
        figures: By name, without ending; logged below ``evaluation/``.
        source: The labelled table's name, for a tag.
        tracking_uri: By default what the environment says, or ``mlflow.db`` here.

    Returns:
        The run, or why it couldn't be logged; a server that fails raises nothing.
    """
    with calm():
        try:
            client = MlflowClient(tracking_uri)
            run = find_run(client, fingerprint_of(Path(model)))
            if run is None:
                raise InputError(f"no run of this model is there; log it with: anomgan log {model}")
            _log(client, run.info.run_id, found, figures or {}, prefix="evaluation/")
            if source:
                client.set_tag(run.info.run_id, "evaluation.source", source)
            return Logged(run.info.run_id)
        except Exception as error:  # whatever a server or a store comes up with
            return Logged(error=reason(error), missing=["evaluation"])


def figures_of(labels: ArrayLike, score: ArrayLike) -> dict[str, Figure]:
    """Curves of scores against labels, by name."""
    from anomgan.plotting import figures as plots

    return {
        "roc": plots.roc(labels, score),
        "precision_recall": plots.precision_recall(labels, score),
    }


class Evaluator(ModelEvaluator):
    """``mlflow.models.evaluate(…, evaluators=["anomgan"])``.

    ``model`` is a logged detector, ``targets`` a column of 0 and 1 (1 for abnormal).  A static
    table of scores does too, with ``predictions`` naming their column.  ``evaluator_config`` may
    hold ``ks``, lengths of lists of the most abnormal rows, and ``metric_prefix``.
    """

    name = "anomgan"

    @classmethod
    def can_evaluate(cls, *, model_type: str | None, evaluator_config: Any, **kwargs: Any) -> bool:
        """Any detector of anomalies; MLflow has no type of model for them."""
        return model_type in (None, "anomaly", "anomaly-detector", "outlier-detector", "anomgan")

    def evaluate(
        self,
        *,
        model_type: str | None,
        dataset: Any,
        run_id: str,
        evaluator_config: dict[str, Any],
        model: Any = None,
        predictions: str | None = None,
        **kwargs: Any,
    ) -> EvaluationResult:
        """Score, compare with the targets, log metrics and curves to the run.

        Raises:
            MlflowException: If targets are missing, of one kind or not 0 and 1, or there are no
                scores.
        """
        try:
            if not dataset.has_targets:
                raise InputError("evaluator anomgan: needs targets, a column of 0 and 1")
            labels = checked_labels(np.asarray(dataset.labels_data))
            results = _results(model, dataset)
            score = np.asarray(results[predictions or "score"], dtype=np.float64)
            flagged = results.get("is_anomaly")
            ks = tuple(evaluator_config.get("ks", (10, 50, 100)))
            found = metrics(labels, score, flagged=flagged, ks=ks)
        except (InputError, KeyError) as error:
            raise MlflowException.invalid_parameter_value(f"{error}") from error
        prefix = str(evaluator_config.get("metric_prefix", ""))
        client, figures = MlflowClient(), figures_of(labels, score)
        _log(client, run_id, found, figures, prefix=prefix)
        root = client.get_run(run_id).info.artifact_uri
        kept = {name: ImageEvaluationArtifact(uri=f"{root}/{prefix}{name}.png") for name in figures}
        named = {f"{prefix}{name}": value for name, value in found.items()}
        return EvaluationResult(metrics=named, artifacts=kept, run_id=run_id)


def _results(model: Any, dataset: Any) -> pd.DataFrame:
    """What the model says of the rows, or what was said before."""
    if model is not None:
        return pd.DataFrame(model.predict(dataset.features_data))
    if dataset.has_predictions:
        return pd.DataFrame({"score": np.asarray(dataset.predictions_data)})
    return pd.DataFrame(dataset.features_data)


def _log(
    client: MlflowClient,
    run_id: str,
    found: Mapping[str, float],
    figures: Mapping[str, Figure],
    *,
    prefix: str,
) -> None:
    """Metrics in one batch, figures in one folder."""
    from anomgan.plotting.style import png

    now = int(pd.Timestamp.now("UTC").timestamp() * 1000)
    client.log_batch(run_id, [Metric(f"{prefix}{k}", v, now, 0) for k, v in found.items()])
    with tempfile.TemporaryDirectory(prefix="anomgan-") as place:
        for name, figure in figures.items():
            path = Path(place, f"{prefix}{name}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(figure, dpi=110))
        if figures:
            client.log_artifacts(run_id, place)
