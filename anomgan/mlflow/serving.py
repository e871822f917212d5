"""MLflow's scoring server on a detector: its requests, our messages, and limits."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from anomgan.errors import InputError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from anomgan.estimator import GANDetector

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CALLERS = 32
"""Requests that are worked on at once; further ones wait for their turn."""

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
        from anomgan.mlflow.scorer import Scorer
        from anomgan.mlflow.signature import signature

        pictures = detector.encoder_.spec.grid is not None
        self.metadata = _Metadata(signature(detector).inputs if pictures else None)
        self._scorer, self._limits = Scorer(detector), limits

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Score what a request holds.

        Raises:
            Refused: If it can't be scored; the server answers 400 with the message.
        """
        from anomgan.mlflow.scorer import Refused

        rows = _rows(data)
        if rows > self._limits.rows:
            raise Refused(
                f"the request has {rows:,} rows; at most {self._limits.rows:,} are taken at once, "
                f"so send several requests"
            )
        if params is not None and not isinstance(params, dict):
            raise Refused("params: must be an object of names and values")
        return self._scorer.predict(data, params)


def _rows(data: Any) -> int:
    if isinstance(data, dict):
        return max((_rows(part) for part in data.values()), default=0)
    return len(data) if hasattr(data, "__len__") else 1


class LimitBody:
    """Answers 413 to a body that is too large, before it is held in memory."""

    def __init__(self, app: Any, megabytes: float) -> None:
        """Wrap an ASGI application."""
        self.app, self.megabytes, self.most = app, megabytes, megabytes * 2**20

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Count the bytes of a request on their way in."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        held, size, more = [], 0, True
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        while more:
            if max(size, int(announced) if announced.isdigit() else 0) > self.most:
                await self._refuse(send)
                return
            message = await receive()
            if message["type"] != "http.request":
                return
            held.append(message)
            size += len(message.get("body", b""))
            more = message.get("more_body", False)

        async def replay() -> Message:
            return held.pop(0) if held else await receive()

        if size > self.most:
            await self._refuse(send)
            return
        await self.app(scope, replay, send)

    async def _refuse(self, send: Send) -> None:
        text = f"the request is larger than {self.megabytes:g} MB; send fewer rows at once"
        body = json.dumps({"error_code": "REQUEST_TOO_LARGE", "message": text}).encode()
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def application(detector: GANDetector, limits: Limits) -> FastAPI:
    """MLflow's scoring server as an ASGI application: ``/invocations``, ``/ping``, ``/version``."""
    from mlflow.pyfunc import scoring_server

    app: FastAPI = scoring_server.init(cast("Any", Served(detector, limits)))
    app.add_middleware(LimitBody, megabytes=limits.megabytes)
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

    os.environ[WORKER] = json.dumps([model, asdict(limits), workers])
    factory = f"{__name__}:worker"
    uvicorn.run(factory, factory=True, workers=workers, fd=where.fileno(), **QUIET)


def worker() -> FastAPI:
    """The application of one of several processes, which the environment describes."""
    import torch

    from anomgan import load

    model, limits, workers = json.loads(os.environ[WORKER])
    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    return application(load(model), Limits(**limits))
