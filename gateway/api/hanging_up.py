"""Clients that hang up before their answer is made: nothing goes on computing for them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import Request

from gateway.errors import ApiError


@asynccontextmanager
async def while_there(request: Request) -> AsyncGenerator[None]:
    """Cancel what the block awaits once the client hangs up; its body must have been read whole before.

    Raises a 400 then, which nobody reads.
    """
    task, is_gone = asyncio.current_task(), False
    assert task is not None

    async def watch() -> None:
        nonlocal is_gone
        while (await request.receive())["type"] != "http.disconnect":
            pass
        is_gone = True
        task.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError as exc:
        if not is_gone or task.uncancel() > 0:  # the server stops
            raise
        raise ApiError(400, "The connection was closed before the answer was made.") from exc
    finally:
        watching.cancel()
