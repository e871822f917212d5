"""What stands before MLflow's scoring server: nothing that is too much or senseless gets there."""

from __future__ import annotations

import asyncio
import json
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from anomgan.errors import out_of_memory
from anomgan.mlflow.vetting import KINDS, objection
from anomgan.utils.text import one_line

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PATIENCE = 60.0
"""Seconds within which the body of a request must be there."""

BODIES = 8
"""Bodies of the largest size that are held in memory at once; further ones are turned away."""

HEARD_OUT = 4
"""Times the largest size that is read, and dropped, before the answer: most clients listen only
when they have sent all."""

LONGEST = 500
"""Characters of the longest reason that is given; some would repeat all that was sent."""


class Gate:
    """Limits on requests, and one line for whatever is wrong with them.

    Answers 413 to a body that is too large, before it is held in memory, 408 to one that doesn't
    come, 503 while too many are held, 415 and 400 to what can't be read.  Tracebacks go to the log.
    """

    def __init__(self, app: Any, megabytes: float, columns: int) -> None:
        """Wrap an ASGI application.

        Args:
            app: The application.
            megabytes: Largest body.
            columns: Most columns of a table.
        """
        self.app, self.megabytes, self.columns = app, megabytes, columns
        self.most, self.held = megabytes * 2**20, 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Read a request, look at it, and pass it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            refusal = await self._read(scope, receive, body)
            if refusal is None and scope["method"] == "POST":
                refusal = await self._vetted(scope, bytes(body))
            if refusal is None:
                await self._pass_on(scope, bytes(body), receive, send)
            elif refusal:
                await _answer(send, *refusal)
        finally:
            self.held -= len(body)

    async def _read(
        self, scope: Message, receive: Receive, body: bytearray
    ) -> tuple[int, str] | tuple[()] | None:
        """Read the body; gives a status and reason if that can't be, () if nobody waits for one."""
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        expected = int(announced) if announced.isdigit() else 0
        size, end, more = 0, time.monotonic() + PATIENCE, True
        large = 413, f"the request is larger than {self.megabytes:g} MB; send fewer rows at once"
        while more:
            if max(size, expected) > HEARD_OUT * self.most:
                return large
            try:
                message = await asyncio.wait_for(receive(), end - time.monotonic())
            except TimeoutError:
                return 408, f"the request wasn't complete after {PATIENCE:g} seconds"
            if message["type"] != "http.request":
                return ()
            part = message.get("body", b"")
            size += len(part)
            if max(size, expected) <= self.most:
                body += part
                self.held += len(part)
            if self.held > BODIES * self.most:
                return 503, "too many large requests at once; try again later"
            more = message.get("more_body", False)
        return None if size <= self.most else large

    async def _vetted(self, scope: Message, body: bytes) -> tuple[int, str] | None:
        """A status and reason if a request to score can't be taken."""
        kind = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1").strip()
        if not kind.startswith(KINDS):
            return 415, f"the content type must be {' or '.join(KINDS)}"
        reason = await asyncio.to_thread(objection, kind, body, self.columns)
        return None if reason is None else (400, reason)

    async def _pass_on(self, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        """Have the application answer; errors in one line."""
        held: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        status, said = 200, bytearray()

        async def replay() -> Message:
            return held.pop() if held else await receive()

        async def tidied(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            if status < 400:
                await send(message)
            elif message["type"] == "http.response.body":
                said.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await _answer(send, status, *_reason(bytes(said)))

        try:
            await self.app(scope, replay, tidied)
        except Exception as error:
            traceback.print_exc()
            if out_of_memory(error):
                await _answer(send, 503, "not enough memory; send fewer rows at once")
            else:
                await _answer(send, 500, "a defect of the server, which its log tells of")


NAMES = {408: "REQUEST_TIMEOUT", 413: "REQUEST_TOO_LARGE", 500: "INTERNAL_ERROR",
         503: "TEMPORARILY_UNAVAILABLE"}  # fmt: skip


async def _answer(send: Send, status: int, reason: str, name: str | None = None) -> None:
    """Answer with an error; end the connection where a body may still be on its way."""
    content = {"error_code": name or NAMES.get(status, "BAD_REQUEST"), "message": reason}
    headers = [(b"content-type", b"application/json")]
    if status in NAMES:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})


def _reason(said: bytes) -> tuple[str, str | None]:
    """What an application says of an error, in one line of bounded length, and its name for it."""
    text, name = said.decode(errors="replace"), None
    try:
        content = json.loads(text)
    except ValueError:
        content = text
    if isinstance(content, dict):
        name = content.get("error_code")
        content = content.get("message") or content.get("detail") or text
    return one_line(content, LONGEST), name
