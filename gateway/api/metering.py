"""Tokens of chat: reserved before an engine is asked, and put right once it is known how many there were."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from gateway.api.chat_requests import ChatRequest
from gateway.api.limits import check_budget, headers, limits_of, take
from gateway.api.services import Services
from gateway.store import usage
from gateway.store.errors import DatabaseUnavailable
from gateway.store.keys import Caller
from gateway.store.limits import Measure

Event = Mapping[str, Any]
LETTERS_PER_TOKEN = 4
"""A guess, for the reservation only."""
logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Meter:
    """What one request used. Inactive where neither tokens nor money are limited: then nothing is counted.

    Where an engine fails, what was reserved stands until its minute is over.
    """

    services: Services
    caller: Caller
    reserved: int = 0
    active: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer."""

    async def settle(self, answered: Mapping[str, Any] | None) -> None:
        """Count what an answer's `usage` says in place of what was reserved; None gives the reservation back."""
        if self.active:
            await run_in_threadpool(self._settle, _total(answered))

    async def watch(self, events: AsyncIterator[Event], *, passes_usage: bool) -> AsyncGenerator[Event]:
        """The events of a stream, counted at its end: by its `usage`, else, where it broke off, by its pieces.

        The chunk with the usage was asked for here; it is passed on where the client asked for it too.
        """
        if not self.active:
            async for event in events:
                yield event
            return
        n_pieces, usage_told = 0, None
        try:
            async for event in events:
                usage_told = event.get("usage") or usage_told
                n_pieces += len(event.get("choices", ()))
                if event.get("choices") or passes_usage or "error" in event:
                    yield event
        finally:  # also when the client is gone, which nothing here can wait for
            n_tokens = _total(usage_told) if usage_told else max(self.reserved, n_pieces)
            asyncio.get_running_loop().run_in_executor(None, self._settle, n_tokens)

    def _settle(self, n_tokens: int) -> None:
        now = self.services.now()
        try:
            with self.services.database.write(alone=False) as session:
                for scope in limits_of(self.services, self.caller, Measure.TOKENS):
                    usage.add(session, scope, Measure.TOKENS, n_tokens - self.reserved, now=now)
                cost = self.services.settings.limits.cost(tokens=n_tokens)
                if cost:
                    usage.add(session, self.caller.project_id, Measure.BUDGET, cost, now=now)
        except (DatabaseUnavailable, SQLAlchemyError) as error:
            # The answer is there already; the reservation stands in its place.
            logger.error("tokens of key %s were not counted: %s", self.caller.key_id, type(error).__name__)


async def reserve(services: Services, caller: Caller, asked: ChatRequest) -> Meter:
    """Reserve a guess of the tokens of prompt and answer. Raises `LimitReached`."""
    meter = Meter(services=services, caller=caller)
    measured = (Measure.TOKENS, Measure.BUDGET)
    meter.active = any(limits_of(services, caller, measure) for measure in measured)
    meter.active = meter.active or services.settings.limits.price_per_million_tokens > 0
    if meter.active:
        await run_in_threadpool(_reserve, meter, _guess(asked))
    return meter


def _reserve(meter: Meter, n_tokens: int) -> None:
    with meter.services.database.write(alone=False) as session:
        check_budget(session, meter.services, meter.caller)
        meter.headers = headers("tokens", take(session, meter.services, meter.caller, Measure.TOKENS, n_tokens))
    meter.reserved = n_tokens


def _guess(asked: ChatRequest) -> int:
    letters = sum(len(turn.text) for turn in asked.messages)
    longest = asked.max_completion_tokens or asked.max_tokens or 0
    return letters // LETTERS_PER_TOKEN + 1 + longest * (asked.n or 1)


def _total(answered: Mapping[str, Any] | None) -> int:
    return int((answered or {}).get("total_tokens") or 0)
