"""``anomgan log``."""

from __future__ import annotations

import typer

from anomgan.cli.mlflow_options import (
    AliasOption,
    ExperimentOption,
    RegisterOption,
    RunNameOption,
    Tracking,
    TrackingUriOption,
    describe_failure,
)
from anomgan.cli.options import DEFAULT_MODEL, ModelArgument
from anomgan.errors import InputError


def log(
    model: ModelArgument = DEFAULT_MODEL,
    experiment: ExperimentOption = None,
    run_name: RunNameOption = None,
    tracking_uri: TrackingUriOption = None,
    register: RegisterOption = None,
    alias: AliasOption = None,
) -> None:
    """Log a fitted model to MLflow: one that was fitted with --no-track, or while no server was up.

    A run that was begun and failed is gone on with.  Prints the model's URI.
    """
    tracking = Tracking(True, experiment, run_name, tracking_uri, register, alias)

    from anomgan import load

    logged = tracking.log(load(model, device="cpu"))
    if logged.error:
        raise InputError(describe_failure(logged))
    tracking.report(logged)
    typer.echo(logged.model_uri)
