"""Models by URI: fetched from MLflow, and promoted to an alias if they are better."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from anomgan.errors import InputError
from anomgan.estimator import load
from anomgan.metrics import metrics
from anomgan.mlflow.quiet import calm, reason

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from numpy.typing import ArrayLike

    from anomgan.estimator import GANDetector

SCHEMES = "models:/", "runs:/"

SMALLER = frozenset(("fpr_at_95_tpr", "false_positive_rate", "brier", "ece"))
"""Metrics that are better the smaller they are."""


def is_uri(text: str) -> bool:
    """Whether this names a model in MLflow rather than a folder."""
    return text.startswith(SCHEMES)


@contextlib.contextmanager
def fetched(uri: str | Path, tracking_uri: str | None = None) -> Iterator[Path]:
    """The model directory behind a URI, for as long as the context lasts.

    Args:
        uri: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``runs:/RUN/NAME``, a folder that
            MLflow wrote, or a model directory.
        tracking_uri: By default what the environment says, or ``mlflow.db`` here.

    Raises:
        InputError: If there is no such model, MLflow can't reach it, or it isn't anomgan's.
    """
    if not is_uri(str(uri)):
        yield _detector_in(Path(uri), str(uri))
        return
    with tempfile.TemporaryDirectory(prefix="anomgan-") as place:
        yield fetch(str(uri), Path(place), tracking_uri)


def fetch(uri: str, place: Path, tracking_uri: str | None = None) -> Path:
    """Download a model into a folder; gives the model directory.

    Raises:
        InputError: As :func:`fetched` does.
    """
    with calm(tracking_uri):
        from mlflow.artifacts import download_artifacts

        # Messages about the model name its folder, which therefore says where it is from.
        folder = place / uri.replace("/", "-").replace(":", "")
        folder.mkdir()
        try:
            found = download_artifacts(artifact_uri=uri, dst_path=str(folder))
        except Exception as error:  # every store has errors of its own
            raise InputError(f"{uri}: can't be read from MLflow: {reason(error)}") from error
    return _detector_in(Path(found), uri)


def _detector_in(folder: Path, name: str) -> Path:
    """The model directory in a folder that MLflow wrote; any other folder as it is.

    Raises:
        InputError: If the folder holds a model of another library.
    """
    about = folder / "MLmodel"
    if not about.is_file():
        return folder
    try:
        flavours = yaml.safe_load(about.read_text(encoding="utf-8"))["flavors"]
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{name}: its MLmodel file is damaged; log the model again") from error
    if "anomgan" not in flavours:
        raise InputError(f"{name}: isn't a model of anomgan's but of {', '.join(flavours)}")
    return folder / str(flavours["anomgan"]["data"])


@dataclass(frozen=True)
class Promotion:
    """What became of a comparison.

    Attributes:
        promoted: Whether the alias moved.
        version: The candidate.
        value: Its metric, by which it was compared.
        holder: The version that had the alias before; None if none had.
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
    """Give an alias to a version if it is better than the one that has it.

    Both score the same labelled rows.  If nobody has the alias yet, the candidate gets it.

    Args:
        name: A registered model.
        table: n rows with the columns that the models need.
        labels: (n,), 1 for abnormal rows.
        alias: What the better one is called.
        metric: A key of what :func:`anomgan.metrics.metrics` gives.
        version: The candidate; by default the newest version.
        margin: By how much it must be better.
        source: What messages call the table.
        tracking_uri: By default what the environment says, or ``mlflow.db`` here.

    Raises:
        InputError: If there is no such model or version, or a model can't score the table.
    """
    with calm(tracking_uri):
        from mlflow import MlflowClient

        client = MlflowClient()
        candidate = version or _newest(client, name)
        holder = _holder(client, name, alias)

    def value_of(number: str) -> float:
        with fetched(f"models:/{name}/{number}", tracking_uri) as folder:
            found = measured(load(folder), table, labels, source=source)
        if metric not in found:
            raise InputError(f"unknown metric {metric!r}; choose one of: {', '.join(found)}")
        return found[metric]

    value = value_of(candidate)
    if holder == candidate:
        return Promotion(False, candidate, value, holder, value)
    old = None
    if holder is not None:
        old = value_of(holder)
    better = old is None or (old - value if metric in SMALLER else value - old) > margin
    if better:
        with calm(tracking_uri):
            client.set_registered_model_alias(name, alias, candidate)
    return Promotion(better, candidate, value, holder, old)


def _newest(client: MlflowClient, name: str) -> str:
    """The newest version.

    Raises:
        InputError: If there is none, or no such model, or no answer.
    """
    quoted = name.replace("'", "\\'")
    try:
        client.get_registered_model(name)
        versions = client.search_model_versions(f"name = '{quoted}'")
    except Exception as error:
        raise InputError(f"registered model {name!r}: {reason(error)}") from error
    if not versions:
        raise InputError(f"registered model {name!r}: has no version; fit with --register {name}")
    return str(max(int(each.version) for each in versions))


def _holder(client: MlflowClient, name: str, alias: str) -> str | None:
    """The version that has an alias.

    Raises:
        InputError: If there is no such model, or no answer.
    """
    try:
        aliases = client.get_registered_model(name).aliases
    except Exception as error:
        raise InputError(f"registered model {name!r}: {reason(error)}") from error
    held = aliases.get(alias)
    return None if held is None else str(held)


def measured(
    detector: GANDetector, table: Any, labels: ArrayLike, *, source: str
) -> dict[str, float]:
    """All metrics of a detector on labelled rows.

    Raises:
        InputError: If it can't score them, or labels are of one kind.
    """
    scored = detector.score_frame(table, source=source)
    return metrics(labels, scored.score, flagged=scored.flagged)
