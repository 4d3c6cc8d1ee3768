"""What a provider's errors mean for a job, in words that carry none of its ids and names."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import openai

from trainers.errors import Gone, NotNow, TrainingFailed
from trainers.hosted import WITHHELD, scrubbed

_QUOTA = (
    "upstream_quota",
    "The provider's quota is used up; ask the operator to raise it, then create the job again.",
)
_CLOSED = (
    "training_not_available",
    "The provider creates no fine-tuning jobs for this organisation any more; ask for a base that is trained here.",
)
KNOWN = {
    "insufficient_quota": _QUOTA,
    "exceeded_quota": _QUOTA,
    "billing_hard_limit_reached": _QUOTA,
    "billing_not_active": _QUOTA,
    "training_not_available": _CLOSED,
}
"""Code and message of our job's error, by the provider's code."""
MEND = "Mend what it names and create the job again, or ask the operator."
"""Stands before a provider's own words, which may be cut."""
KEY_REFUSED = (
    "upstream_key_refused",
    "The provider refuses the gateway's key; the operator sets TUNEGATE_UPSTREAM_API_KEY.",
)
PASSING = frozenset({408, 409, 425, 429})
"""Statuses that may pass, besides every one from 500 on."""
_PUNCTUATION = ".,:;!?'\"()[]"
_NAMELIKE = re.compile(r"(?<!\S)(?=\S*\d)(?=\S*[A-Za-z])\S*[-:/_]\S*")
"""A word of letters and digits with a mark between them, as models, files and addresses are called."""


def discreet(text: str, names: Mapping[str, str]) -> str:
    """As `scrubbed`, of words that may name a model before the gateway knows it: what looks like a name goes too."""
    ours = frozenset(names.values())
    return _NAMELIKE.sub(
        lambda found: found[0] if found[0].strip(_PUNCTUATION) in ours else WITHHELD, scrubbed(text, names)
    )


def meaning(exc: openai.APIError, *, now: float) -> Exception:
    """What an error of the SDK means: `NotNow`, `Gone`, or `TrainingFailed` for what will not pass."""
    if not isinstance(exc, openai.APIStatusError):
        return NotNow(f"no readable answer ({type(exc).__name__})")
    status, said = exc.status_code, str(exc.message)
    if exc.code in KNOWN:
        return TrainingFailed(*KNOWN[exc.code])
    if status == 404:
        return Gone(said)
    if status in PASSING or status >= 500 or (status == 400 and "being processed" in said):
        return NotNow(f"status {status}", pause_s=pause_s(exc.response.headers.get("retry-after"), now=now))
    if status in (401, 403):
        return TrainingFailed(*KEY_REFUSED)
    return refusal(said)


def refusal(said: str) -> TrainingFailed:
    """That a provider will not make what it was asked for, and why in its own words."""
    return TrainingFailed("upstream_refused", f"The provider refuses the job. {MEND} It says: {said}")


def pause_s(retry_after: str | None, *, now: float) -> float | None:
    """Seconds of a `retry-after` header, a number or a date; None without a readable one."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return None
