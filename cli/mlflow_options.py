"""Options of the commands that log to MLflow, and messages about the result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anomgan.cli.console import say, warn
from anomgan.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from anomgan.estimator import GANDetector
    from anomgan.mlflow.tracking import LogResult

TrackOption = Annotated[
    bool,
    typer.Option(
        "--track/--no-track",
        envvar="ANOMGAN_TRACK",
        help="Log the fit to MLflow: parameters, losses, figures, the model.",
    ),
]
TrackEvaluationOption = Annotated[
    bool,
    typer.Option(
        "--track/--no-track",
        envvar="ANOMGAN_TRACK",
        help="Log metrics and plots to the MLflow run of the fit, if fits are tracked here.",
    ),
]
ExperimentOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="MLflow experiment; otherwise MLFLOW_EXPERIMENT_NAME, or anomgan.",
        show_default=False,
    ),
]
RunNameOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Name of the MLflow run.", show_default=False)
]
TrackingUriOption = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="MLflow server or store; otherwise MLFLOW_TRACKING_URI, or mlflow.db in this folder.",
        show_default=False,
    ),
]
RegisterOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Make it a version of this registered model.", show_default=False
    ),
]
AliasOption = Annotated[
    str | None,
    typer.Option(metavar="A", help="Alias of that version, such as champion.", show_default=False),
]


@dataclass(frozen=True)
class Tracking:
    """Values of the options, checked on creation.

    Attributes:
        track: Whether to log at all.
        experiment: Name of the experiment.
        run_name: Name of the run.
        uri: The tracking server or store.
        register: Name of the registered model.
        alias: Alias of the registered version.
    """

    track: bool = True
    experiment: str | None = None
    run_name: str | None = None
    uri: str | None = None
    register: str | None = None
    alias: str | None = None

    def __post_init__(self) -> None:
        """Check that the options fit together.

        Raises:
            InputError: If they don't, or a name isn't valid.
        """
        if self.alias is not None and self.register is None:
            raise InputError("--alias names a version of a registered model; add --register NAME")
        if self.register is not None and not self.track:
            raise InputError("--register needs tracking; leave out --no-track (or ANOMGAN_TRACK=0)")
        for option, name in (("--register", self.register), ("--alias", self.alias)):
            if name is not None and (not name.strip() or set(name) & set("/:@")):
                raise InputError(f"{option} {name!r}: a name can't be empty or hold '/', ':', '@'")

    def log(self, detector: GANDetector) -> LogResult:
        """Log a fit; ``error`` of the result says what failed."""
        from anomgan.mlflow import log_fit

        return log_fit(
            detector,
            experiment=self.experiment,
            run_name=self.run_name,
            tracking_uri=self.uri,
            register=self.register,
            alias=self.alias,
        )

    def track_fit(self, detector: GANDetector, model: object) -> None:
        """Log a fit whose model is saved; a failure is only a warning."""
        if not self.track:
            return
        logged = self.log(detector)
        self.report(logged)
        if logged.error:
            warn(
                f"{describe_failure(logged)}; the model is saved, and "
                f"`anomgan log {model}` sends it later"
            )

    def report(self, logged: LogResult) -> None:
        """Print where the run is, and the registered version."""
        if logged.run_id is not None:
            say(f"MLflow run {logged.run_id} in {logged.where}")
        if logged.version is not None:
            named = f", alias {self.alias}" if self.alias and not logged.error else ""
            say(f"registered as {self.register} version {logged.version}{named}")


def describe_failure(logged: LogResult) -> str:
    """Which parts weren't logged, and why."""
    return f"MLflow ({logged.where}) hasn't got: {', '.join(logged.missing)} ({logged.error})"


def tracking_store_exists() -> bool:
    """Whether there may be a run of the fit to log to; unlike asking MLflow, creates no store."""
    return "MLFLOW_TRACKING_URI" in os.environ or Path("mlflow.db").exists()


def track_evaluation(
    model: Path, metrics: Mapping[str, float], figures: Mapping[str, Figure], *, source: str
) -> None:
    """Log an evaluation to the run of the model's fit, and print where, or why that failed."""
    from anomgan.mlflow import log_evaluation

    logged = log_evaluation(model, metrics, figures, source=source)
    if logged.error:
        warn(f"not logged to MLflow: {logged.error}")
    else:
        say(f"logged to MLflow run {logged.run_id}")
