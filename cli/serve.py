"""``anomgan serve``."""

from __future__ import annotations

from typing import Annotated

import typer

from anomgan.cli.console import say
from anomgan.cli.options import DEFAULT_MODEL, ModelOption, get_display_name


def serve(
    model: ModelOption = DEFAULT_MODEL,
    host: Annotated[
        str, typer.Option(metavar="H", help="Address to listen on; 0.0.0.0 for everybody.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="P", min=0, max=65535, help="Port; 0 for any free one.")
    ] = 5001,
    rows: Annotated[
        int, typer.Option("--max-rows", metavar="N", min=1, help="Most rows in one request.")
    ] = 10_000,
    megabytes: Annotated[
        float, typer.Option("--max-mb", metavar="F", min=0.001, help="Largest request, in MB.")
    ] = 50.0,
    workers: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=64, help="Processes, each with the model in memory."),
    ] = 1,
) -> None:
    """Answer scoring requests over HTTP with MLflow's model server, in this environment.

    POST {"dataframe_split": …} or {"dataframe_records": …}, with {"params": {"alpha": …, "fdr": …,
    "explain": …}} if wanted, to /invocations; /ping answers once the model is loaded.  Whoever can
    reach the address can use it: it asks for no password.
    """
    from anomgan import load
    from anomgan.mlflow.serving import RequestLimits, bind_socket, serve_in_workers
    from anomgan.mlflow.serving import serve as serve_here

    with bind_socket(host, port) as bound:
        detector = load(model)
        url_host = f"[{host}]" if ":" in host else host
        say(
            f"serving {get_display_name(model)} at http://{url_host}:{bound.getsockname()[1]}/invocations"
        )
        limits = RequestLimits(rows, megabytes)
        try:
            if workers == 1:
                serve_here(detector, limits, bound)
            else:
                del detector  # loaded only to report errors before workers start
                serve_in_workers(str(model), limits, bound, workers)
        except BaseException as stop:
            if not isinstance(stop, Exception):
                stop.add_note("the server has stopped")
            raise
