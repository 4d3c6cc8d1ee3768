"""News of replies on their way from the decoding thread to the event loop."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from deploy.engine.completions import Choice
from deploy.engine.rows import Row
from deploy.errors import EngineUnavailable


@dataclass(frozen=True, slots=True)
class Piece:
    """More text of a choice."""

    index: int
    text: str
    logprobs: list[dict[str, Any]] | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A choice that cannot be had."""

    reason: str


News = Piece | Choice | Failure
"""What happens to a reply: it grows, it is finished, or it fails."""


class Messenger:
    """Carries one row's news to the event loop it was made on. A `rows.Listener`."""

    def __init__(self, index: int, events: "asyncio.Queue[News]") -> None:
        self._index = index
        self._events = events
        self._loop = asyncio.get_running_loop()

    def on_text(self, piece: str, logprobs: list[dict[str, Any]] | None) -> None:
        """Pass on more text."""
        self._send(Piece(self._index, piece, logprobs))

    def on_finish(self, row: Row) -> None:
        """Pass on the finished reply."""
        assert row.finish is not None
        self._send(
            Choice(
                index=self._index,
                text=row.text,
                finish=row.finish,
                n_tokens=len(row.tokens),
                logprobs=row.logprobs,
            )
        )

    def on_failure(self, reason: str) -> None:
        """Pass on that there will be none."""
        self._send(Failure(reason))

    def _send(self, event: News) -> None:
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)


async def until_finished(events: "asyncio.Queue[News]", n_rows: int) -> AsyncIterator[Piece | Choice]:
    """News of an answer until all its rows are finished. Raises EngineUnavailable when one fails."""
    while n_rows:
        event = await events.get()
        if isinstance(event, Failure):
            raise EngineUnavailable(event.reason)
        n_rows -= isinstance(event, Choice)
        yield event
