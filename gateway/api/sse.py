"""Server-sent events of a chat completion, read from an engine and written to a client."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

DONE = b"[DONE]"
MAX_EVENT_BYTES = 1 << 20


class BrokenStream(ValueError):
    """The engine sent something that is no event of a chat completion."""


async def read_events(stream: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """The JSON of each event, until `[DONE]`. Raises `BrokenStream`, also when the end never comes."""
    pending = b""
    async for piece in stream:
        pending += piece.replace(b"\r\n", b"\n")
        *events, pending = pending.split(b"\n\n")
        for event in events:
            data = _data(event)
            if data == DONE:
                return
            if data:
                yield _chunk(data)
        if len(pending) > MAX_EVENT_BYTES:
            raise BrokenStream("an event is too long")
    raise BrokenStream("the stream ended before its end was said")


def write_event(content: Mapping[str, Any]) -> bytes:
    """One event."""
    return b"data: " + orjson.dumps(content) + b"\n\n"


def write_done() -> bytes:
    """The event that ends a stream."""
    return b"data: " + DONE + b"\n\n"


def _data(event: bytes) -> bytes:
    lines = (line for line in event.split(b"\n") if line.startswith(b"data:"))
    return b"\n".join(line.removeprefix(b"data:").removeprefix(b" ") for line in lines)


def _chunk(data: bytes) -> dict[str, Any]:
    try:
        chunk = orjson.loads(data)
    except orjson.JSONDecodeError as exc:
        raise BrokenStream("an event is not JSON") from exc
    if not isinstance(chunk, dict):
        raise BrokenStream("an event is not an object")
    return chunk
