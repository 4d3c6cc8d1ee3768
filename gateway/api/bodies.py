"""Request bodies, read piece by piece."""

from collections.abc import AsyncIterator

from fastapi import Request

from gateway.errors import ApiError

MAX_DRAIN_BYTES = 64 * 1024 * 1024
"""How much of a refused body is read before the answer is sent all the same."""


async def chunks(request: Request) -> AsyncIterator[bytes]:
    """The body's pieces; unlike `request.stream` it can be taken up again where it was left.

    Raises a 400 when the client hangs up; it will not read it.
    """
    while not getattr(request.state, "body_read", False):
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "The connection was closed before the request was complete.")
        request.state.body_read = not message.get("more_body", False)
        yield message.get("body", b"")


async def read_whole(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises a 413 when it grows past `max_bytes`."""
    body = bytearray()
    async for chunk in chunks(request):
        body += chunk
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
