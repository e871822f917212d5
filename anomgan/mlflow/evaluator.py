"""Log evaluations to the run of a fit; an evaluator for ``mlflow.models.evaluate``."""

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
from anomgan.metrics import check_labels, metrics
from anomgan.mlflow.quiet import describe_error, quiet_mlflow
from anomgan.mlflow.tracking import LogResult, find_run, read_fingerprint

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike


def log_evaluation(
    model: str | Path,
    metrics: Mapping[str, float],
    figures: Mapping[str, Figure] | None = None,
    *,
    source: str = "",
    tracking_uri: str | None = None,
) -> LogResult:
    """Log metrics and figures to the run that a model's fit was logged to.

    Args:
        model: The model directory.
        metrics: Result of :func:`anomgan.metrics.metrics`; logged as ``evaluation/NAME``.
        figures: Figures by file name without suffix; logged in the folder ``evaluation``.
        source: Name of the labelled table, for a tag.
        tracking_uri: The server or store; default ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in
            the current folder.

    Returns:
        The run, or why it couldn't be logged; a failing server raises no exception.
    """
    with quiet_mlflow():
        try:
            client = MlflowClient(tracking_uri)
            run = find_run(client, read_fingerprint(Path(model)))
            if run is None:
                raise InputError(f"no run of this model is there; log it with: anomgan log {model}")
            _log(client, run.info.run_id, metrics, figures or {}, prefix="evaluation/")
            if source:
                client.set_tag(run.info.run_id, "evaluation.source", source)
            return LogResult(run.info.run_id)
        except Exception as error:  # servers and stores raise exceptions of any kind
            return LogResult(error=describe_error(error), missing=["evaluation"])


def draw_curves(labels: ArrayLike, score: ArrayLike) -> dict[str, Figure]:
    """ROC and precision-recall curves, by name."""
    from anomgan.plotting import figures as plots

    return {
        "roc": plots.roc(labels, score),
        "precision_recall": plots.precision_recall(labels, score),
    }


class Evaluator(ModelEvaluator):
    """``mlflow.models.evaluate(…, evaluators=["anomgan"])``.

    ``model`` is a logged detector and ``targets`` a column of 0 and 1 (1 for abnormal).  Instead of
    a model, ``predictions`` may name a column of scores.  ``evaluator_config`` may contain ``ks``,
    for precision and recall at k, and ``metric_prefix``.
    """

    name = "anomgan"

    @classmethod
    def can_evaluate(cls, *, model_type: str | None, evaluator_config: Any, **kwargs: Any) -> bool:
        """Whether the model may be an anomaly detector; MLflow has no model type for them."""
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
        """Score the rows, and log metrics and curves to the run.

        Raises:
            MlflowException: If the targets are missing, all equal or not 0 and 1, or there are no
                scores.
        """
        try:
            if not dataset.has_targets:
                raise InputError("evaluator anomgan: needs targets, a column of 0 and 1")
            labels = check_labels(np.asarray(dataset.labels_data))
            results = _predict(model, dataset)
            score = np.asarray(results[predictions or "score"], dtype=np.float64)
            flagged = results.get("is_anomaly")
            ks = tuple(evaluator_config.get("ks", (10, 50, 100)))
            values = metrics(labels, score, flagged=flagged, ks=ks)
        except (InputError, KeyError) as error:
            raise MlflowException.invalid_parameter_value(f"{error}") from error
        prefix = str(evaluator_config.get("metric_prefix", ""))
        client, figures = MlflowClient(), draw_curves(labels, score)
        _log(client, run_id, values, figures, prefix=prefix)
        root = client.get_run(run_id).info.artifact_uri
        artifacts = {
            name: ImageEvaluationArtifact(uri=f"{root}/{prefix}{name}.png") for name in figures
        }
        prefixed = {f"{prefix}{name}": value for name, value in values.items()}
        return EvaluationResult(metrics=prefixed, artifacts=artifacts, run_id=run_id)


def _predict(model: Any, dataset: Any) -> pd.DataFrame:
    """The model's results for the rows, or the static predictions."""
    if model is not None:
        return pd.DataFrame(model.predict(dataset.features_data))
    if dataset.has_predictions:
        return pd.DataFrame({"score": np.asarray(dataset.predictions_data)})
    return pd.DataFrame(dataset.features_data)


def _log(
    client: MlflowClient,
    run_id: str,
    values: Mapping[str, float],
    figures: Mapping[str, Figure],
    *,
    prefix: str,
) -> None:
    """Log metrics and figures in one request each."""
    from anomgan.plotting.style import png

    now = int(pd.Timestamp.now("UTC").timestamp() * 1000)
    client.log_batch(run_id, [Metric(f"{prefix}{k}", v, now, 0) for k, v in values.items()])
    with tempfile.TemporaryDirectory(prefix="anomgan-") as folder:
        for name, figure in figures.items():
            path = Path(folder, f"{prefix}{name}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(figure, dpi=110))
        if figures:
            client.log_artifacts(run_id, folder)
