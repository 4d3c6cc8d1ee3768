"""Calls of tools taken out of replies: of finished ones, and of those that still grow."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from deploy.engine.completions import Choice
from deploy.engine.messages import Piece
from deploy.engine.requests import ChatRequest
from deploy.engine.steers import Steers
from deploy.engine.tools import Dialect, Words, read_calls


def with_calls(choice: Choice, steers: Steers, dialect: Dialect | None) -> Choice:
    """A finished reply with its calls apart from its words."""
    if not steers.tools or dialect is None:
        return choice
    text, calls = read_calls(choice.text, dialect, steers.callable, parallel=steers.parallel)
    return replace(choice, text=text, calls=calls)


async def told_apart(
    events: AsyncIterator[Piece | Choice], asked: ChatRequest, dialect: Dialect | None
) -> AsyncIterator[Piece | Choice]:
    """The news of replies, with what may be a call held back until its choice is finished, and told by that."""
    if not asked.steers.tools or dialect is None:
        async for event in events:
            yield event
        return
    words = [Words(dialect) for _ in range(asked.n)]
    held: list[list[dict[str, Any]]] = [[] for _ in range(asked.n)]
    async for event in events:
        at, choice = event.index, None
        if isinstance(event, Choice):
            choice = with_calls(event, asked.steers, dialect)
            text = choice.text[words[at].n_said :]
        else:
            held[at] += event.logprobs or []
            text = words[at].push(event.text)
        if text or (choice and held[at]):
            yield Piece(at, text, held[at] if asked.n_top is not None else None)
            held[at] = []
        if choice:
            yield choice
