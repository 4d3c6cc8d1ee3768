"""Request bodies, read piece by piece, from clients that keep sending."""

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import Request

from gateway.errors import ApiError

MAX_DRAIN_BYTES = 64 * 1024 * 1024
"""How much of a refused body is read before the answer is sent all the same."""
SILENCE_S = 30.0
"""How long a client may send nothing in the middle of a body."""
MIN_BYTES_PER_S, MIN_AFTER_S = 1024, 60.0
"""How slow a body may come on average, once it has come for so long: a connection and a part file are kept for it."""


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """The body's pieces; unlike `request.stream` it can be taken up again where it was left.

    Raises a 400 when the client hangs up; it will not read it. Raises a 408 for one that sends too slowly, or for
    longer than `TUNEGATE_UPLOAD_TIMEOUT_S` in all.
    """
    began, n_bytes = time.monotonic(), 0
    timeout_s: int = request.app.state.services.settings.upload_timeout_s
    state = request.scope.setdefault("state", {})
    due = state.setdefault("body_due", began + timeout_s)
    while not state.get("body_read"):
        piece = await _piece(request)
        n_bytes += len(piece)
        took_s = time.monotonic() - began
        if not state["body_read"] and took_s > MIN_AFTER_S and n_bytes < took_s * MIN_BYTES_PER_S:
            state["body_read"] = True
            raise ApiError(
                408, f"The request's body comes at less than {MIN_BYTES_PER_S} bytes a second; send it again."
            )
        if not state["body_read"] and began + took_s > due:
            state["body_read"] = True
            raise ApiError(
                408,
                f"The request's body did not come whole within {timeout_s} s; send it in parts (/v1/uploads).",
            )
        yield piece


async def read_whole(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises a 413 when it grows past `max_bytes`."""
    body = bytearray(await _piece(request))
    if not request.scope["state"]["body_read"]:  # most bodies come in one piece
        async for piece in chunks(request):
            body += piece
            if len(body) > max_bytes:
                break
    if len(body) > max_bytes:
        body.clear()
        await drain(request)
        raise ApiError(413, f"The request body is larger than the allowed {max_bytes} bytes.")
    return bytes(body)


async def drain(request: Request) -> None:
    """Read and forget the rest of a body, so that a client which still sends it can read the answer."""
    n_bytes = 0
    async for chunk in chunks(request):
        n_bytes += len(chunk)
        if n_bytes > MAX_DRAIN_BYTES:
            return


async def _piece(request: Request) -> bytes:
    """What comes next of the body; whether it was the last is in the request's state."""
    state = request.scope.setdefault("state", {})
    try:
        async with asyncio.timeout(SILENCE_S):
            message = await request.receive()
    except TimeoutError as exc:
        state["body_read"] = True
        raise ApiError(408, f"No byte of the request's body came for {SILENCE_S:g} s; send it again.") from exc
    if message["type"] == "http.disconnect":
        raise ApiError(400, "The connection was closed before the request was complete.")
    state["body_read"] = not message.get("more_body", False)
    body: bytes = message.get("body", b"")
    return body
