"""Serve a detector with MLflow's scoring server, with limits on requests."""

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
from anomgan.mlflow.request_limits import RequestLimitMiddleware

if TYPE_CHECKING:
    from fastapi import FastAPI

    from anomgan.estimator import GANDetector

MAX_CONCURRENT_REQUESTS = 32
"""Requests handled at the same time; further ones wait."""

MAX_COLUMNS = 10_000
"""Largest number of columns in a request, or twice the model's columns if that is more."""

UVICORN_OPTIONS: dict[str, Any] = {"log_level": "warning", "access_log": False, "lifespan": "off"}
WORKER_VARIABLE = "_ANOMGAN_WORKER"
"""Environment variable that tells a worker process which model to serve."""


@dataclass(frozen=True)
class RequestLimits:
    """Limits on a request.

    Attributes:
        rows: Largest number of rows.
        megabytes: Largest body.
    """

    rows: int = 10_000
    megabytes: float = 50.0


class _Metadata:
    """The part of a model's metadata that the server reads: no types for tables.

    The model parses cells itself: MLflow would truncate 3.5 to 3 in a column of integers, and read
    a missing Boolean as false.
    """

    def __init__(self, inputs: Any) -> None:
        self._inputs = inputs

    def get_input_schema(self) -> Any:
        return self._inputs

    def get_params_schema(self) -> Any:
        return None


class ServedModel:
    """A detector with the interface that the scoring server calls.

    Attributes:
        metadata: Describes the inputs.
    """

    def __init__(self, detector: GANDetector, limits: RequestLimits) -> None:
        """Wrap a fitted detector."""
        from anomgan.mlflow.flavor import make_signature
        from anomgan.mlflow.pyfunc import PyfuncModel

        has_images = detector.encoder_.spec.grid is not None
        self.metadata = _Metadata(make_signature(detector).inputs if has_images else None)
        self._model, self._limits = PyfuncModel(detector), limits

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Score the rows of a request.

        Raises:
            InvalidInputError: If they can't be scored; the server answers 400 with the message.
        """
        from anomgan.mlflow.pyfunc import InvalidInputError

        rows = _count_rows(data)
        if rows > self._limits.rows:
            raise InvalidInputError(
                f"the request has {rows:,} rows; at most {self._limits.rows:,} are taken at once, "
                f"so send several requests"
            )
        if params is not None and not isinstance(params, dict):
            raise InvalidInputError("params: must be an object of names and values")
        return self._model.predict(data, params)


def _count_rows(data: Any) -> int:
    if isinstance(data, dict):
        return max((_count_rows(part) for part in data.values()), default=0)
    return len(data) if np.ndim(data) else 1


def make_app(detector: GANDetector, limits: RequestLimits) -> FastAPI:
    """The scoring server as an ASGI application: ``/invocations``, ``/ping``, ``/version``."""
    from mlflow.pyfunc import scoring_server

    app: FastAPI = scoring_server.init(cast("Any", ServedModel(detector, limits)))
    # Unknown columns are ignored, but each costs time.
    columns = max(MAX_COLUMNS, 2 * len(detector.encoder_.columns))
    app.add_middleware(RequestLimitMiddleware, megabytes=limits.megabytes, columns=columns)
    return app


def bind_socket(host: str, port: int) -> socket.socket:
    """A socket bound to this address; port 0 is any free one.

    Raises:
        InputError: If it can't be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        why = getattr(error, "strerror", None) or error
        raise InputError(f"--host {host} --port {port}: can't listen there: {why}") from error
    return bound


def serve(detector: GANDetector, limits: RequestLimits, bound: socket.socket) -> None:
    """Serve in this process until it is stopped."""
    import uvicorn

    class Server(uvicorn.Server):
        """With enough threads that concurrent requests are scored in one batch."""

        async def serve(self, sockets: list[socket.socket] | None = None) -> None:
            asyncio.get_running_loop().set_default_executor(
                ThreadPoolExecutor(MAX_CONCURRENT_REQUESTS)
            )
            await super().serve(sockets)

    Server(uvicorn.Config(make_app(detector, limits), **UVICORN_OPTIONS)).run(sockets=[bound])


def serve_in_workers(model: str, limits: RequestLimits, bound: socket.socket, workers: int) -> None:
    """Serve in several processes, each with its own copy of the model, until stopped.

    Processes that die are replaced.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    class Supervisor(Multiprocess):
        """Remembers the signal that stopped it, which uvicorn's own server raises again."""

        stop_signal: int | None = None

        def handle_int(self) -> None:
            self.stop_signal = signal.SIGINT
            super().handle_int()

        def handle_term(self) -> None:
            self.stop_signal = signal.SIGTERM
            super().handle_term()

    os.environ[WORKER_VARIABLE] = json.dumps([model, asdict(limits), workers])
    config = uvicorn.Config(
        f"{__name__}:make_worker_app",
        factory=True,
        workers=workers,
        fd=bound.fileno(),
        **UVICORN_OPTIONS,
    )
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    supervisor = Supervisor(config, sockets=[config.bind_socket()])
    supervisor.run()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    if supervisor.stop_signal is not None:
        signal.raise_signal(supervisor.stop_signal)


def make_worker_app() -> FastAPI:
    """The application of a worker process, as its environment describes it."""
    import torch

    from anomgan import load

    model, limits, workers = json.loads(os.environ[WORKER_VARIABLE])
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    return make_app(load(model), RequestLimits(**limits))
