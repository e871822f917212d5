"""MLflow's scoring server on a detector: its requests, our messages, and limits."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from anomgan.errors import InputError
from anomgan.mlflow.request_limits import Gate

if TYPE_CHECKING:
    from fastapi import FastAPI

    from anomgan.estimator import GANDetector

CALLERS = 32
"""Requests that are worked on at once; further ones wait for their turn."""

MOST_COLUMNS = 10_000
"""Columns of the widest table that is taken, if the model hasn't itself more than half as many."""

QUIET: dict[str, Any] = {"log_level": "warning", "access_log": False, "lifespan": "off"}
WORKER = "_ANOMGAN_WORKER"
"""Environment variable in which processes of the server are told what to serve."""


@dataclass(frozen=True)
class Limits:
    """What a request may ask for.

    Attributes:
        rows: Most records.
        megabytes: Largest body.
    """

    rows: int = 10_000
    megabytes: float = 50.0


class _Metadata:
    """What the server asks of a model's metadata: no types for tables, which the model reads.

    MLflow would cut 3.5 down to 3 in a column that held whole numbers in training, and take a
    missing truth value for false.
    """

    def __init__(self, inputs: Any) -> None:
        self._inputs = inputs

    def get_input_schema(self) -> Any:
        return self._inputs

    def get_params_schema(self) -> Any:
        return None


class Served:
    """A detector as the scoring server wants it.

    Attributes:
        metadata: What the server asks before it reads a request.
    """

    def __init__(self, detector: GANDetector, limits: Limits) -> None:
        """Serve a fitted detector."""
        from anomgan.mlflow.pyfunc import PyfuncModel
        from anomgan.mlflow.signature import signature

        pictures = detector.encoder_.spec.grid is not None
        self.metadata = _Metadata(signature(detector).inputs if pictures else None)
        self._model, self._limits = PyfuncModel(detector), limits

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Score what a request holds.

        Raises:
            InvalidInputError: If it can't be scored; the server answers 400 with the message.
        """
        from anomgan.mlflow.pyfunc import InvalidInputError

        rows = _rows(data)
        if rows > self._limits.rows:
            raise InvalidInputError(
                f"the request has {rows:,} rows; at most {self._limits.rows:,} are taken at once, "
                f"so send several requests"
            )
        if params is not None and not isinstance(params, dict):
            raise InvalidInputError("params: must be an object of names and values")
        return self._model.predict(data, params)


def _rows(data: Any) -> int:
    if isinstance(data, dict):
        return max((_rows(part) for part in data.values()), default=0)
    return len(data) if np.ndim(data) else 1


def application(detector: GANDetector, limits: Limits) -> FastAPI:
    """MLflow's scoring server as an ASGI application: ``/invocations``, ``/ping``, ``/version``."""
    from mlflow.pyfunc import scoring_server

    app: FastAPI = scoring_server.init(cast("Any", Served(detector, limits)))
    # Columns that the model doesn't know are passed over, but not any number of them.
    columns = max(MOST_COLUMNS, 2 * len(detector.encoder_.columns))
    app.add_middleware(Gate, megabytes=limits.megabytes, columns=columns)
    return app


def listening(host: str, port: int) -> socket.socket:
    """A socket on this address; port 0 is any free one.

    Raises:
        InputError: If it can't be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except (OSError, OverflowError) as error:
        taken.close()
        why = getattr(error, "strerror", None) or error
        raise InputError(f"--host {host} --port {port}: can't listen there: {why}") from error
    return taken


def run(detector: GANDetector, limits: Limits, where: socket.socket) -> None:
    """Serve in this process until somebody stops it."""
    import uvicorn

    class Server(uvicorn.Server):
        """With a thread for each of many callers, who are then scored together."""

        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(CALLERS))
            await super().serve(sockets)

    Server(uvicorn.Config(application(detector, limits), **QUIET)).run(sockets=[where])


def run_workers(model: str, limits: Limits, where: socket.socket, workers: int) -> None:
    """Serve in so many processes, each with a model of its own, until somebody stops it.

    One that dies is replaced.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    class Supervisor(Multiprocess):
        """One that says what stopped it, as the server of a single process does."""

        stopped_by: int | None = None

        def handle_int(self) -> None:
            self.stopped_by = signal.SIGINT
            super().handle_int()

        def handle_term(self) -> None:
            self.stopped_by = signal.SIGTERM
            super().handle_term()

    os.environ[WORKER] = json.dumps([model, asdict(limits), workers])
    factory = f"{__name__}:worker"
    config = uvicorn.Config(factory, factory=True, workers=workers, fd=where.fileno(), **QUIET)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    supervisor = Supervisor(config, sockets=[config.bind_socket()])
    supervisor.run()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    if supervisor.stopped_by is not None:
        signal.raise_signal(supervisor.stopped_by)


def worker() -> FastAPI:
    """The application of one of several processes, which the environment describes."""
    import torch

    from anomgan import load

    model, limits, workers = json.loads(os.environ[WORKER])
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    return application(load(model), Limits(**limits))
