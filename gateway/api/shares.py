"""Shares of limits: what this replica has counted in the database ahead of the requests that will use it.

A request that finds its share large enough waits for nobody. Else the share grows by what is lacking and by what will
do for about two seconds, never by more than a twentieth of what the limit leaves, so that near a limit each request
is counted by itself. What is not used for a second is given back, and so is what turns out to be far too much. So a
limit is never exceeded, whatever crashes: a replica that dies leaves counted what it had taken for two seconds.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from gateway.store import usage
from gateway.store.database import Database
from gateway.store.errors import DatabaseUnavailable, LimitReached
from gateway.store.limits import Measure, window
from gateway.store.usage import Allowance

FLUSH_AFTER_S = 1.0
PART = 20
"""A share takes at most this part of what a limit leaves in advance."""
AHEAD_S = 2.0
"""A share takes in advance what this replica uses in so long, as it looks."""
SHORTEST_S = 0.1
"""How long use is watched at least to tell its rate: a lone request takes twenty such in advance."""
KEPT_S = 30.0
"""What a share holds beyond what is used in so long is given back; a lone request takes less than that."""
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An amount that a request is to use of what one scope may."""

    scope: str
    """Id of a key or a project."""
    measure: Measure
    amount: int
    limit: int
    """0 for what is only counted."""
    whole: bool = True
    """Whether the amount has to fit; else it is enough that anything is left."""


Correction = tuple[str, Measure, int, int]
"""Scope, measure, start of the window, and what is to be given back to it; negative for what is to be counted now."""


@dataclass(slots=True, kw_only=True)
class _Share:
    start: int
    """Of the window, unix seconds."""
    end: int
    left: int = 0
    """Counted in the database and not used yet; negative for what was used and is not counted there."""
    waiting: int = 0
    """Amounts of requests that wait for the share to grow."""
    used: int = 0
    """In the database when it was last looked at, this share included."""
    recent: int = 0
    """Used since the last flush."""
    since: float
    """When that was, or when the share was made, on a monotonic clock."""
    before: float = 0.0
    """What was used a second before."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def rate(self, now: float, *, more: int = 0) -> float:
        """What is used a second, as it looks at a time of the monotonic clock, with some more."""
        return (self.recent + more) / max(now - self.since, SHORTEST_S)


class Shares:
    """The shares of one application; to be used on its event loop only."""

    def __init__(
        self, database: Database, now: Callable[[], int], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._now = now
        self._monotonic = monotonic
        self._shares: dict[tuple[str, Measure], _Share] = {}
        self._corrections: list[Correction] = []
        self._flushing: asyncio.Task[None] | None = None

    async def take(self, claims: Sequence[Claim]) -> Sequence[Allowance]:
        """Use these amounts; what is left of each limit. Raises `LimitReached`, having used nothing."""
        now = self._now()
        pairs = [(claim, self._share(claim.scope, claim.measure, now)) for claim in claims]
        if any(_lacks(claim, share) for claim, share in pairs):
            await self._grow(pairs, now)
        for claim, share in pairs:
            share.left -= claim.amount
            share.recent += claim.amount
        self._flush_soon()
        return [
            Allowance(
                limit=claim.limit,
                remaining=max(claim.limit - share.used + share.left, 0),
                reset_s=share.end - now,
            )
            for claim, share in pairs
        ]

    def settle(self, claim: Claim, used: int, *, taken_at: int) -> None:
        """Put right an amount that was taken by a guess, at a unix second."""
        share = self._shares.get((claim.scope, claim.measure))
        if share is not None and share.start <= taken_at < share.end:
            share.left += claim.amount - used
        else:
            start = window(claim.measure, taken_at)[0]
            self._corrections.append((claim.scope, claim.measure, start, claim.amount - used))
        self._flush_soon()

    async def close(self) -> None:
        """Count what was used, and give back what was not."""
        if self._flushing is not None:
            self._flushing.cancel()
        for share in self._shares.values():
            share.recent = 0
        await self._flush()

    async def _grow(self, pairs: Sequence[tuple[Claim, _Share]], now: int) -> None:
        """Wait until every share has what is claimed of it. One asks the database for all who wait."""
        for claim, share in pairs:
            share.waiting += claim.amount
        try:
            async with pairs[0][1].turn:
                if any(_is_short(claim, share) for claim, share in pairs):
                    try:
                        await self._count(pairs, now, alone=False)
                    except LimitReached:
                        if all(share.waiting == claim.amount for claim, share in pairs):
                            raise
                        # Together they are too many; this one may fit.
                        await self._count(pairs, now, alone=True)
        finally:
            for claim, share in pairs:
                share.waiting -= claim.amount

    async def _count(self, pairs: Sequence[tuple[Claim, _Share]], now: int, *, alone: bool) -> None:
        wanted, since = [], self._monotonic()
        for claim, share in pairs:
            lack = max((claim.amount if alone else share.waiting) - share.left, 0)
            rate = max(share.rate(since, more=share.waiting), share.before)
            wanted.append((claim, lack, int(AHEAD_S * rate)))
        found = await asyncio.to_thread(self._write, wanted, now)
        for (_, share), (taken, used) in zip(pairs, found, strict=True):
            share.left += taken
            share.used = used

    def _write(self, wanted: Sequence[tuple[Claim, int, int]], now: int) -> Sequence[tuple[int, int]]:
        """Count in one transaction; by claim, what was taken and what all have used with it."""
        with self._database.write(alone=False) as session:
            return [_take(session, claim, lack, ahead, now) for claim, lack, ahead in wanted]

    def _share(self, scope: str, measure: Measure, now: int) -> _Share:
        share = self._shares.get((scope, measure))
        if share is None or not share.start <= now < share.end:
            if share is not None and share.left < 0:
                self._corrections.append((scope, measure, share.start, share.left))
            start, end = window(measure, now)
            before = 0.0 if share is None else share.before
            share = self._shares[scope, measure] = _Share(start=start, end=end, since=self._monotonic(), before=before)
        return share

    def _flush_soon(self) -> None:
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.get_running_loop().create_task(self._flush_until_idle())

    async def _flush_until_idle(self) -> None:
        while self._shares or self._corrections:
            await asyncio.sleep(FLUSH_AFTER_S)
            await self._flush()

    async def _flush(self) -> None:
        """Count what was used beyond the shares; give back what is more than they will use for long."""
        changes, self._corrections = self._corrections, []
        now = self._monotonic()
        for (scope, measure), share in list(self._shares.items()):
            if share.waiting:
                continue
            share.before = share.rate(now)
            spare = share.left if share.left < 0 else max(share.left - int(KEPT_S * share.before), 0)
            if spare:
                changes.append((scope, measure, share.start, spare))
                share.used -= spare
                share.left -= spare
            if not share.recent:
                del self._shares[scope, measure]
            share.since, share.recent = now, 0
        if changes:
            try:
                await asyncio.to_thread(self._put_right, changes)
            except (DatabaseUnavailable, SQLAlchemyError) as error:
                # What was to be given back stays counted; what was used beyond its guess is lost.
                logger.error("%d counts of use were not written: %s", len(changes), type(error).__name__)

    def _put_right(self, changes: Sequence[Correction]) -> None:
        now = self._now()
        with self._database.write(alone=False) as session:
            for scope, measure, start, left in changes:
                if left < 0:
                    usage.add(session, scope, measure, -left, now=now)
                elif left > 0:
                    usage.give_back(session, scope, measure, left, start=start)


def _lacks(claim: Claim, share: _Share) -> bool:
    """Whether a claim has to wait: no request goes before those that wait."""
    if not claim.limit:
        return False
    return not claim.amount or share.left - share.waiting < claim.amount


def _is_short(claim: Claim, share: _Share) -> bool:
    """Whether the share of one that waited still has to grow."""
    return bool(claim.limit) and (not claim.amount or share.left < claim.amount)


def _take(session: Session, claim: Claim, lack: int, ahead: int, now: int) -> tuple[int, int]:
    """Count what is lacking and some ahead; what was counted, and the total with it. Raises `LimitReached`."""
    scope, measure, limit = claim.scope, claim.measure, claim.limit
    if not limit:
        return 0, 0
    used = usage.add(session, scope, measure, lack, now=now) if lack else usage.used(session, scope, measure, now=now)
    asked = lack or not claim.amount
    if asked and (used > limit if claim.whole else used - lack >= limit):
        raise LimitReached(measure, limit=limit, reset_s=window(measure, now)[1] - now, amount=claim.amount)
    more = min(ahead, (limit - used) // PART)
    if not lack or more <= 0:
        return lack, used
    return lack + more, usage.add(session, scope, measure, more, now=now)
