"""Tokens of chat: reserved before an engine is asked, and put right once it is known how many there were."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.api.auth import Asker
from gateway.api.chat_requests import ChatRequest
from gateway.api.limits import claims, headers, limits_of
from gateway.api.shares import Claim, Shares
from gateway.store.limits import COST_PER_BUDGET, Limits, Measure

Event = Mapping[str, Any]
LETTERS_PER_TOKEN = 4
"""A guess, for the reservation only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What one request used. Without claims neither tokens nor money are limited: then nothing is counted.

    Where an engine fails, the tokens that were reserved stand until their minute is over.
    """

    shares: Shares
    limits: Limits
    claims: Sequence[Claim] = ()
    reserved: int = 0
    """Tokens."""
    taken_at: int = 0
    """Unix seconds."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the answer."""

    def settle(self, answered: Mapping[str, Any] | None) -> None:
        """Count what an answer's `usage` says in place of what was reserved; None gives the reservation back."""
        self._settle(_total(answered))

    def forgo(self) -> None:
        """Give the money back: no answer was made that costs any."""
        for claim in self.claims:
            if claim.measure is Measure.BUDGET:
                self.shares.settle(claim, 0, taken_at=self.taken_at)

    async def watch(self, events: AsyncIterator[Event], *, passes_usage: bool) -> AsyncGenerator[Event]:
        """The events of a stream, counted at its end: by its `usage`, else, where it broke off, by its pieces;
        one that the engine never began costs nothing.

        The chunk with the usage was asked for here; it is passed on where the client asked for it too.
        """
        if not self.claims:
            async for event in events:
                yield event
            return
        n_pieces, usage_told, hung_up = 0, None, False
        try:
            async for event in events:
                usage_told = event.get("usage") or usage_told
                n_pieces += len(event.get("choices", ()))
                if event.get("choices") or passes_usage or "error" in event:
                    yield event
        except asyncio.CancelledError:  # the client is gone; it was computed for
            hung_up = True
            raise
        finally:
            if usage_told or n_pieces or hung_up:
                self._settle(_total(usage_told) if usage_told else max(self.reserved, n_pieces))
            else:
                self.forgo()

    def _settle(self, n_tokens: int) -> None:
        for claim in self.claims:
            used = self.limits.cost(tokens=n_tokens) if claim.measure is Measure.BUDGET else n_tokens
            self.shares.settle(claim, used, taken_at=self.taken_at)


async def reserve(asker: Asker, asked: ChatRequest) -> Meter:
    """Reserve a guess of the tokens of prompt and answer, and of what they cost. Raises `LimitReached`."""
    services, caller = asker.services, asker.caller
    limits = services.limits
    n_tokens = _guess(asked)
    wanted = claims(services, caller, Measure.TOKENS, n_tokens)
    budget = limits_of(services, caller, Measure.BUDGET).get(caller.project_id, 0)
    if budget or limits.price_per_million_tokens > 0:
        cost = limits.cost(tokens=n_tokens)
        wanted.append(
            Claim(
                scope=caller.project_id,
                measure=Measure.BUDGET,
                amount=cost,
                limit=budget * COST_PER_BUDGET,
                whole=False,
            )
        )
    if not wanted:
        return Meter(shares=asker.shares, limits=limits)
    taken_at = services.now()
    left = await asker.shares.take(wanted)
    tokens = [one for claim, one in zip(wanted, left, strict=True) if claim.measure is Measure.TOKENS]
    return Meter(
        shares=asker.shares,
        limits=limits,
        claims=tuple(wanted),
        reserved=n_tokens,
        taken_at=taken_at,
        headers=headers("tokens", tokens),
    )


def _guess(asked: ChatRequest) -> int:
    letters = sum(len(turn.text) for turn in asked.messages)
    longest = asked.max_completion_tokens or asked.max_tokens or 0
    return letters // LETTERS_PER_TOKEN + 1 + longest * (asked.n or 1)


def _total(answered: Mapping[str, Any] | None) -> int:
    return int((answered or {}).get("total_tokens") or 0)
