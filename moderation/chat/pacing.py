"""A rate limit of our own, for endpoints that allow only so many calls a minute."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable


class Pace:
    """Spreads calls evenly over time. Safe to share between threads and event loops."""

    def __init__(
        self,
        per_minute: int,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap_s = 60.0 / per_minute
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next_at = float("-inf")

    async def turn(self) -> None:
        """Return when the next call may be made."""
        with self._lock:
            now = self._monotonic()
            at = max(now, self._next_at)
            self._next_at = at + self._gap_s
        if at > now:
            await self._sleep(at - now)
