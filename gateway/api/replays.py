"""Creates that an SDK sends again because the first answer was lost, or was long in coming.

No SDK sends an idempotency key, but each says how often it has tried. A create is answered with what another attempt
at the same request made, same key and same body: by a retry with what was made in the last quarter of an hour, by a
first attempt with what a retry made while it was still under way.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Request

from gateway.store.keys import Caller
from gateway.store.sendings import Sending

WINDOW_S = 900
"""Longest time between the attempts of one call: an SDK waits 600 s for an answer before it retries."""


def window_start(request: Request, now: int) -> int | None:
    """Since when an equal object is the answer to this request; None for a first attempt."""
    return now - WINDOW_S if _retries(request) else None


def sending(request: Request, caller: Caller, asked: Mapping[str, Any], *, arrived: int) -> Sending:
    """Which request this is and at which attempt; `arrived` is the unix second it came in."""
    retries = _retries(request)
    whole = [caller.key_id, request.scope["path"], asked]
    return Sending(
        digest=hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        retries=retries,
        # Within its own second no retry of a first attempt exists, but another call for the same thing may.
        since=arrived - WINDOW_S if retries else arrived + 1,
    )


def _retries(request: Request) -> int:
    """How often the client has tried before; what is no number is none."""
    count = request.headers.get("x-stainless-retry-count", "0")
    return int(count[:9]) if count.isascii() and count.isdigit() else 0
