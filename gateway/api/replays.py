"""Creates that an SDK sends again because the first answer was lost.

No SDK sends an idempotency key, but each says how often it has tried: a create with a retry count
is answered with what the same request made a moment ago, if it made anything.
"""

from fastapi import Request

WINDOW_S = 900
"""Longest time between the attempts of one call: an SDK waits 600 s for an answer before it retries."""


def window_start(request: Request, now: int) -> int | None:
    """Since when an equal object is the answer to this request; None for a first attempt."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return now - WINDOW_S if count.isascii() and count.isdigit() and int(count[:9]) > 0 else None
