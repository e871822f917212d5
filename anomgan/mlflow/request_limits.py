"""Limits on requests to MLflow's scoring server, and one-line messages for all its errors.

uvicorn and starlette limit neither the size of a body nor the time it takes to arrive.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import time
import traceback
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from itertools import chain
from typing import Any

from anomgan.errors import out_of_memory
from anomgan.utils.text import one_line

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CONTENT_TYPES = ("application/json", "text/csv")
"""Not Parquet, which MLflow reads too: a few bytes of it can decompress to gigabytes."""

BODY_TIMEOUT_S = 60.0
"""Within this time the whole body of a request must have arrived."""

MAX_HELD_BODIES = 8
"""Largest sum of bodies held in memory, in multiples of the largest body."""

MAX_READ_BODIES = 4
"""How much of a too large body is read, and dropped, before the answer, in multiples of the largest
body: most clients don't read an answer before they have sent everything."""

MAX_REASON_CHARS = 500
"""Longest error message; some would repeat the whole request."""

ERROR_CODES = {
    408: "REQUEST_TIMEOUT",
    413: "REQUEST_TOO_LARGE",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


class RequestLimitMiddleware:
    """ASGI middleware that refuses requests that are too large, too slow or malformed.

    Answers 413 to a body that is too large, before it is in memory, 408 to one that doesn't arrive,
    503 while too many are in memory, 415 and 400 to content that can't be read.  Tracebacks are
    printed to the log.
    """

    def __init__(self, app: Any, megabytes: float, columns: int) -> None:
        """Wrap an ASGI application.

        Args:
            app: The application.
            megabytes: Largest body.
            columns: Largest number of columns.
        """
        self.app, self.megabytes, self.columns = app, megabytes, columns
        self.max_bytes, self.held_bytes = megabytes * 2**20, 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Read and check a request, and pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            refusal = await self._read(scope, receive, body)
            if refusal is None and scope["method"] == "POST":
                refusal = await self._check(scope, bytes(body))
            if refusal is None:
                await self._pass_on(scope, bytes(body), receive, send)
            elif refusal:
                await _send_error(send, *refusal)
        finally:
            self.held_bytes -= len(body)

    async def _read(
        self, scope: Message, receive: Receive, body: bytearray
    ) -> tuple[int, str] | tuple[()] | None:
        """Read the body; gives status and reason of a refusal, or () if the client has gone."""
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        expected = int(announced) if announced.isdigit() else 0
        size, deadline, more = 0, time.monotonic() + BODY_TIMEOUT_S, True
        too_large = (
            413,
            f"the request is larger than {self.megabytes:g} MB; send fewer rows at once",
        )
        while more:
            if max(size, expected) > MAX_READ_BODIES * self.max_bytes:
                return too_large
            try:
                message = await asyncio.wait_for(receive(), deadline - time.monotonic())
            except TimeoutError:
                return 408, f"the request wasn't complete after {BODY_TIMEOUT_S:g} seconds"
            if message["type"] != "http.request":
                return ()
            part = message.get("body", b"")
            size += len(part)
            if max(size, expected) <= self.max_bytes:
                body += part
                self.held_bytes += len(part)
            if self.held_bytes > MAX_HELD_BODIES * self.max_bytes:
                return 503, "too many large requests at once; try again later"
            more = message.get("more_body", False)
        return None if size <= self.max_bytes else too_large

    async def _check(self, scope: Message, body: bytes) -> tuple[int, str] | None:
        """Status and reason if a scoring request is refused."""
        content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1").strip()
        if not content_type.startswith(CONTENT_TYPES):
            return 415, f"the content type must be {' or '.join(CONTENT_TYPES)}"
        reason = await asyncio.to_thread(find_fault, content_type, body, self.columns)
        return None if reason is None else (400, reason)

    async def _pass_on(self, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        """Let the application answer, and shorten its errors."""
        pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        status, error_body = 200, bytearray()

        async def replay() -> Message:
            return pending.pop() if pending else await receive()

        async def send_shortened(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if status < 400:
                await send(message)
            elif message["type"] == "http.response.body":
                error_body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await _send_error(send, status, *_parse_error(bytes(error_body)))

        try:
            await self.app(scope, replay, send_shortened)
        except Exception as error:
            traceback.print_exc()
            if out_of_memory(error):
                await _send_error(send, 503, "not enough memory; send fewer rows at once")
            else:
                await _send_error(send, 500, "a defect of the server, which its log tells of")


async def _send_error(send: Send, status: int, reason: str, code: str | None = None) -> None:
    """Answer with an error; close the connection if a body may still be arriving."""
    content = {"error_code": code or ERROR_CODES.get(status, "BAD_REQUEST"), "message": reason}
    headers = [(b"content-type", b"application/json")]
    if status in ERROR_CODES:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


def _parse_error(body: bytes) -> tuple[str, str | None]:
    """Message, shortened to one line, and code of an error answered by the application."""
    text, code = body.decode(errors="replace"), None
    try:
        content = json.loads(text)
    except ValueError:
        content = text
    if isinstance(content, dict):
        code = content.get("error_code")
        content = content.get("message") or content.get("detail") or text
    return one_line(content, MAX_REASON_CHARS), code


def find_fault(content_type: str, body: bytes, max_columns: int) -> str | None:
    """Why a body is refused before it is parsed into a table, in one line; None if it isn't.

    Wide tables take much longer than their bytes suggest, deep nesting and long numbers raise
    errors in Python's parser, and pandas makes an index of cells beyond the header of a CSV.
    """
    try:
        if content_type.startswith("text/csv"):
            return _find_csv_fault(body.decode(), max_columns)
        if content_type.startswith("application/json"):
            columns = max(_count_columns(json.loads(body.decode())), default=0)
            return _too_many_columns(columns, max_columns) if columns > max_columns else None
    except RecursionError:
        return "the request is nested too deeply"
    except UnicodeDecodeError as error:
        return f"the request isn't UTF-8: byte {error.start} is wrong"
    except (ValueError, csv.Error) as error:  # not JSON, or a number of thousands of digits
        return f"the request can't be read: {error}"
    return None


def _find_csv_fault(text: str, max_columns: int) -> str | None:
    commas = text.partition("\n")[0].count(",")
    if commas >= max_columns:
        return _too_many_columns(commas + 1, max_columns)
    lines = csv.reader(io.StringIO(text, newline=""))
    header = next((cells for cells in lines if cells), None)
    if header is None:
        return "the request is empty; send a header and rows"
    for cells in lines:
        if len(cells) > len(header):
            return f"line {lines.line_num} has {len(cells):,} cells, the header {len(header):,}"
    return None


def _count_columns(content: Any) -> Iterator[int]:
    """Numbers of columns in the parts of a JSON request."""
    for table in content.values() if isinstance(content, dict) else ():
        rows = table
        if isinstance(table, dict):  # columns by name, or "columns" beside "data"
            yield len(table)
            columns = table.get("columns")
            yield len(columns) if isinstance(columns, list) else 0
            rows = table.get("data")
        if isinstance(rows, list):
            yield len(set(chain.from_iterable(row for row in rows if isinstance(row, dict))))
            yield max((len(row) for row in rows if isinstance(row, list)), default=0)


def _too_many_columns(columns: int, max_columns: int) -> str:
    return f"the request has {columns:,} columns; at most {max_columns:,} are taken"
