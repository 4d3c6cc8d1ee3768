"""What a key and its project may use: requests a minute, upload bytes a day, jobs that have not ended.

A limit of 0 is none, and costs nothing: only a limit that is set is counted.
"""

from collections.abc import Mapping

from sqlalchemy.orm import Session

from gateway.api.services import Services
from gateway.errors import ApiError
from gateway.store import job_queries, usage
from gateway.store.keys import Caller
from gateway.store.usage import Allowance

QUEUE_RETRY_S = 60
"""How soon a client may ask again whether the queue has room. SDKs retry after at most 120 s."""


def count_request(services: Services, caller: Caller) -> Mapping[str, str]:
    """Count a request; the rate limit's response headers. Raises `LimitReached`."""
    settings, now = services.settings, services.now()
    limits = {
        scope: limit
        for scope, limit in (
            (caller.key_id, settings.key_requests_per_minute),
            (caller.project_id, settings.project_requests_per_minute),
        )
        if limit
    }
    if not limits:
        return {}
    with services.database.write(alone=False) as session:
        left = [
            usage.take(session, scope, usage.REQUESTS, 1, limit=limit, window_s=usage.MINUTE_S, now=now)
            for scope, limit in limits.items()
        ]
    return headers(min(left, key=lambda allowance: allowance.remaining))


def headers(allowance: Allowance) -> Mapping[str, str]:
    """OpenAI's rate limit headers."""
    return {
        "x-ratelimit-limit-requests": str(allowance.limit),
        "x-ratelimit-remaining-requests": str(allowance.remaining),
        "x-ratelimit-reset-requests": f"{allowance.reset_s}s",
    }


def count_upload(session: Session, services: Services, caller: Caller, n_bytes: int) -> None:
    """Count the bytes of an upload against the project's day (UTC). Raises `LimitReached`."""
    limit = services.settings.upload_bytes_per_day
    if limit:
        usage.take(
            session,
            caller.project_id,
            usage.UPLOAD_BYTES,
            n_bytes,
            limit=limit,
            window_s=usage.DAY_S,
            now=services.now(),
        )


def check_queue(session: Session, services: Services, caller: Caller) -> None:
    """Raise a 429 when the project has as many unfinished jobs as it may."""
    limit = services.settings.jobs_in_queue
    if limit and job_queries.n_unfinished(session, caller.project_id) >= limit:
        message = f"Your project has {limit} fine-tuning jobs that have not ended, which is its limit. Wait for one."
        raise ApiError(
            429, message, type="requests", code="rate_limit_exceeded", headers={"retry-after": str(QUEUE_RETRY_S)}
        )
