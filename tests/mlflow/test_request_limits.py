"""The limits on requests, without a server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from anomgan.mlflow import request_limits
from anomgan.mlflow.request_limits import RequestLimitMiddleware, find_fault

HEADERS = [(b"content-type", b"application/json")]
Messages = Iterator[dict[str, Any]]


def ask(
    app: Any, parts: Messages, middleware: RequestLimitMiddleware | None = None
) -> tuple[int, dict[str, Any]]:
    """Send messages through the middleware, and no more after the last; status and answer."""
    middleware, sent = middleware or RequestLimitMiddleware(app, 0.001, 50), []

    async def receive() -> dict[str, Any]:
        for part in parts:
            return part
        return await asyncio.Event().wait() or {}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": HEADERS}
    asyncio.run(middleware(scope, receive, send))
    assert middleware.held_bytes == 0
    return sent[0]["status"], json.loads(sent[1]["body"])


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


async def never(*arguments: object) -> None:
    pytest.fail("the request was passed on")


def test_a_client_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "BODY_TIMEOUT_S", 0.01)
    status, answer = ask(never, iter([body(b"{", more=True)]))
    assert (status, answer["message"]) == (408, "the request wasn't complete after 0.01 seconds")


def test_many_bodies_at_once() -> None:
    middleware = RequestLimitMiddleware(never, 0.001, 50)
    middleware.max_bytes, middleware.held_bytes = 10, 0
    status, _ = ask(never, iter([body(b"x" * 11)]), middleware)
    assert status == 413

    async def reading() -> tuple[int, str] | tuple[()] | None:
        held = [bytearray() for _ in range(request_limits.MAX_HELD_BODIES + 1)]
        for each in held:
            parts = iter([body(b"x" * 10, more=True)])

            async def receive(parts: Messages = parts) -> dict[str, Any]:
                for part in parts:
                    return part
                raise TimeoutError

            refusal = await middleware._read({"headers": []}, receive, each)
        return refusal

    assert asyncio.run(reading()) == (503, "too many large requests at once; try again later")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (MemoryError(), 503, "not enough memory"),
        (ZeroDivisionError("oh"), 500, "a defect of the server"),
    ],
)
def test_whatever_happens_behind_it(
    capsys: pytest.CaptureFixture[str], error: Exception, status: int, message: str
) -> None:
    async def fail(*arguments: object) -> None:
        raise error

    found, answer = ask(fail, iter([body(b"{}")]))
    assert found == status
    assert answer["message"].startswith(message)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        {"dataframe_split": {"columns": list(range(51)), "data": []}},
        {"dataframe_split": {"data": [[0] * 51]}},
        {"dataframe_records": [{"a": 1}, {str(i): 1 for i in range(50)}]},
        {"inputs": {str(i): [1] for i in range(51)}},
        {"instances": [[0] * 51]},
    ],
)
def test_wide_tables(content: Any) -> None:
    text = json.dumps(content).encode()
    told = "the request has 51 columns; at most 50 are taken"
    assert find_fault("application/json", text, 50) == told
    assert find_fault("application/json", text, 51) is None
