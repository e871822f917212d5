"""``anomgan log``."""

from __future__ import annotations

import typer

from anomgan.cli.console import print_json
from anomgan.cli.mlflow_options import (
    AliasOption,
    ExperimentOption,
    RegisterOption,
    RunNameOption,
    Tracking,
    TrackingUriOption,
    describe_failure,
)
from anomgan.cli.options import (
    DEFAULT_MODEL,
    JsonOption,
    ModelArgument,
    NamedModelOption,
    choose_model,
)
from anomgan.errors import InputError


def log(
    context: typer.Context,
    model: ModelArgument = DEFAULT_MODEL,
    named: NamedModelOption = None,
    experiment: ExperimentOption = None,
    run_name: RunNameOption = None,
    tracking_uri: TrackingUriOption = None,
    register: RegisterOption = None,
    alias: AliasOption = None,
    as_json: JsonOption = False,
) -> None:
    """Log a fitted model to MLflow: one that was fitted with --no-track, or while no server was up.

    A run that was begun and failed is gone on with.  Prints the model's URI.
    """
    model = choose_model(context, model, named)
    tracking = Tracking(True, experiment, run_name, tracking_uri, register, alias)

    from anomgan import load

    logged = tracking.log(load(model, device="cpu"))
    if logged.error:
        raise InputError(describe_failure(logged))
    tracking.report(logged)
    if as_json:
        keys = ("run_id", "model_uri", "version", "where")
        print_json({key: getattr(logged, key) for key in keys})
    else:
        typer.echo(logged.model_uri)
