"""Fetch models by URI, and move a registered model's alias to a better version."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from anomgan.errors import InputError
from anomgan.estimator import load
from anomgan.metrics import metrics
from anomgan.mlflow.quiet import describe_error, quiet_mlflow
from anomgan.mlflow.set_aside import split_off

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from numpy.typing import ArrayLike

SCHEMES = "models:/", "runs:/"

LOWER_IS_BETTER = frozenset(("fpr_at_95_tpr", "false_positive_rate", "brier", "ece"))
"""Metrics of which smaller values are better."""


def is_uri(text: str) -> bool:
    """Whether this is the URI of a model in MLflow rather than a folder."""
    return text.startswith(SCHEMES)


@contextlib.contextmanager
def fetch_temporarily(uri: str | Path, tracking_uri: str | None = None) -> Iterator[Path]:
    """Fetch a model; the context is its directory, removed in the end.

    Args:
        uri: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``runs:/RUN/NAME``, a folder that
            was written by :func:`save_model`, or a model directory.
        tracking_uri: The server or store; default ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in
            the current folder.

    Raises:
        InputError: If there is no such model, MLflow can't reach it, or it has another flavor.
    """
    if not is_uri(str(uri)):
        yield _find_model_dir(Path(uri), str(uri))
        return
    with tempfile.TemporaryDirectory(prefix="anomgan-") as folder:
        yield fetch(str(uri), Path(folder), tracking_uri)


def fetch(uri: str, parent: Path, tracking_uri: str | None = None) -> Path:
    """Download a model into a new folder of ``parent``.

    Returns:
        The model directory.

    Raises:
        InputError: As :func:`fetch_temporarily`.
    """
    with quiet_mlflow(tracking_uri):
        from mlflow.artifacts import download_artifacts

        # Messages about the model contain the folder's name, which therefore resembles the URI.
        folder = parent / uri.replace("/", "-").replace(":", "")
        folder.mkdir()
        try:
            downloaded = download_artifacts(artifact_uri=uri, dst_path=str(folder))
        except Exception as error:  # every store has errors of its own
            raise InputError(
                f"{uri}: can't be read from MLflow: {describe_error(error)}"
            ) from error
    return _find_model_dir(Path(downloaded), uri)


def _find_model_dir(folder: Path, name: str) -> Path:
    """The model directory in a folder written by MLflow; any other folder unchanged.

    Raises:
        InputError: If the folder contains a model of another flavor.
    """
    mlmodel = folder / "MLmodel"
    if not mlmodel.is_file():
        return folder
    try:
        flavors = yaml.safe_load(mlmodel.read_text(encoding="utf-8"))["flavors"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{name}: its MLmodel file is damaged; log the model again") from error
    if "anomgan" not in flavors:
        raise InputError(f"{name}: isn't a model of anomgan's but of {', '.join(flavors)}")
    return folder / str(flavors["anomgan"]["data"])


@dataclass(frozen=True)
class Promotion:
    """The outcome of :func:`promote`.

    Attributes:
        promoted: Whether the alias was moved.
        version: The candidate.
        value: Its metric.
        holder: The version that had the alias before, if any.
        holder_value: Its metric.
    """

    promoted: bool
    version: str
    value: float
    holder: str | None
    holder_value: float | None


def promote(
    name: str,
    table: pd.DataFrame,
    labels: ArrayLike,
    *,
    alias: str = "champion",
    metric: str = "average_precision",
    version: str | None = None,
    margin: float = 0.0,
    source: str = "the table",
    tracking_uri: str | None = None,
) -> Promotion:
    """Move an alias to a version that is better on labelled rows than the one that has it.

    If no version has the alias yet, the candidate gets it.

    Args:
        name: Name of the registered model.
        table: n rows with the columns that the models need.
        labels: (n,), 1 for abnormal rows.
        alias: The alias.
        metric: A key of the result of :func:`anomgan.metrics.metrics`.
        version: The candidate; default: the newest version.
        margin: Smallest improvement of the metric, exclusive.
        source: What messages call the table.
        tracking_uri: The server or store; default ``MLFLOW_TRACKING_URI``, else ``mlflow.db`` in
            the current folder.

    Raises:
        InputError: If there is no such model or version, or a model can't score the table.
    """
    with quiet_mlflow(tracking_uri):
        from mlflow import MlflowClient

        client = MlflowClient()
        candidate = version or _find_newest_version(client, name)
        holder = _find_holder(client, name, alias)

    def evaluate(version: str) -> float:
        with fetch_temporarily(f"models:/{name}/{version}", tracking_uri) as folder:
            detector = load(folder)
            scored = detector.score_frame(split_off(detector, table)[0], source=source)
        values = metrics(labels, scored.score, flagged=scored.flagged)
        if metric not in values:
            raise InputError(f"unknown metric {metric!r}; choose one of: {', '.join(values)}")
        return values[metric]

    value = evaluate(candidate)
    if holder == candidate:
        return Promotion(False, candidate, value, holder, value)
    holder_value = None if holder is None else evaluate(holder)
    promoted = True
    if holder_value is not None:
        gain = holder_value - value if metric in LOWER_IS_BETTER else value - holder_value
        promoted = gain > margin
    if promoted:
        with quiet_mlflow(tracking_uri):
            client.set_registered_model_alias(name, alias, candidate)
    return Promotion(promoted, candidate, value, holder, holder_value)


def _find_newest_version(client: MlflowClient, name: str) -> str:
    """The newest version.

    Raises:
        InputError: If there is no version or model, or the server doesn't answer.
    """
    quoted = name.replace("'", "\\'")
    try:
        client.get_registered_model(name)
        versions = client.search_model_versions(f"name = '{quoted}'")
    except Exception as error:
        raise InputError(f"registered model {name!r}: {describe_error(error)}") from error
    if not versions:
        raise InputError(f"registered model {name!r}: has no version; fit with --register {name}")
    return str(max(int(each.version) for each in versions))


def _find_holder(client: MlflowClient, name: str, alias: str) -> str | None:
    """The version that has an alias, if any.

    Raises:
        InputError: If there is no such model, or the server doesn't answer.
    """
    try:
        aliases = client.get_registered_model(name).aliases
    except Exception as error:
        raise InputError(f"registered model {name!r}: {describe_error(error)}") from error
    version = aliases.get(alias)
    return None if version is None else str(version)
