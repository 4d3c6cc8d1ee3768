"""What a key and its project may use, counted in the database so that replicas agree.

A limit of 0 is none, and costs nothing: only a limit that is set is counted.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from gateway.api.services import Services
from gateway.api.shares import Claim, Shares
from gateway.errors import ApiError
from gateway.store import job_queries, usage
from gateway.store.keys import Caller
from gateway.store.limits import COST_PER_BUDGET, OF_KEYS, Measure
from gateway.store.usage import Allowance

QUEUE_RETRY_S = 60
"""How soon a client may ask again whether the queue has room. SDKs retry after at most 120 s."""


def limits_of(services: Services, caller: Caller, measure: Measure) -> Mapping[str, int]:
    """What limits the caller in a measure, by the key's or the project's id."""
    defaults = services.limits
    found = {caller.project_id: defaults.of_project(caller.project_limits, measure)}
    if measure in OF_KEYS:
        found[caller.key_id] = defaults.of_key(caller.key_limits, measure)
    return {scope: limit for scope, limit in found.items() if limit}


def take(
    session: Session, services: Services, caller: Caller, measure: Measure, amount: int = 1
) -> Sequence[Allowance]:
    """Count an amount against every limit of the caller. Raises `LimitReached`; the rollback then uncounts it."""
    return [
        usage.take(session, scope, measure, amount, limit=limit, now=services.now())
        for scope, limit in limits_of(services, caller, measure).items()
    ]


def claims(services: Services, caller: Caller, measure: Measure, amount: int = 1) -> list[Claim]:
    """What is asked of every limit of the caller in a measure."""
    limits = limits_of(services, caller, measure)
    return [Claim(scope=scope, measure=measure, amount=amount, limit=limit) for scope, limit in limits.items()]


async def claim_request(services: Services, shares: Shares, caller: Caller) -> Mapping[str, str]:
    """Count a request out of this replica's shares; the rate limit's response headers. Raises `LimitReached`."""
    asked = claims(services, caller, Measure.REQUESTS)
    return headers("requests", await shares.take(asked)) if asked else {}


def count_request(services: Services, caller: Caller) -> Mapping[str, str]:
    """Count a request; the rate limit's response headers. Raises `LimitReached`."""
    if not limits_of(services, caller, Measure.REQUESTS):
        return {}
    with services.database.write(alone=False) as session:
        return headers("requests", take(session, services, caller, Measure.REQUESTS))


def count_details(services: Services, caller: Caller) -> None:
    """Count a report that is read in full. Raises `LimitReached`."""
    if limits_of(services, caller, Measure.DETAILS):
        with services.database.write(alone=False) as session:
            take(session, services, caller, Measure.DETAILS)


def headers(what: str, left: Sequence[Allowance]) -> Mapping[str, str]:
    """OpenAI's rate limit headers, of the limit that has least left; `what` is `requests` or `tokens`."""
    if not left:
        return {}
    least = min(left, key=lambda allowance: allowance.remaining)
    return {
        f"x-ratelimit-limit-{what}": str(least.limit),
        f"x-ratelimit-remaining-{what}": str(least.remaining),
        f"x-ratelimit-reset-{what}": f"{least.reset_s}s",
    }


def count_upload(session: Session, services: Services, caller: Caller, n_bytes: int) -> None:
    """Count the bytes of an upload against the day (UTC) of key and project. Raises `LimitReached`."""
    take(session, services, caller, Measure.UPLOAD_BYTES, n_bytes)


def count_screening(session: Session, services: Services, caller: Caller) -> None:
    """Count a file that is screened without training on it. Raises `LimitReached`."""
    take(session, services, caller, Measure.SCREENINGS)


def count_moderations(services: Services, caller: Caller, n_texts: int) -> None:
    """Count texts that are scored for their own sake. Raises `LimitReached`."""
    if limits_of(services, caller, Measure.MODERATIONS):
        with services.database.write(alone=False) as session:
            take(session, services, caller, Measure.MODERATIONS, n_texts)


def check_budget(session: Session, services: Services, caller: Caller) -> None:
    """Raise `LimitReached` when what the project may spend in this month is spent."""
    for scope, limit in limits_of(services, caller, Measure.BUDGET).items():
        usage.check(session, scope, Measure.BUDGET, limit=limit * COST_PER_BUDGET, now=services.now())


def check_queue(session: Session, services: Services, caller: Caller) -> None:
    """Raise a 429 when the project has as many unfinished jobs as it may, or has used up its month."""
    check_budget(session, services, caller)
    for scope, limit in limits_of(services, caller, Measure.GPU_SECONDS).items():
        usage.check(session, scope, Measure.GPU_SECONDS, limit=limit, now=services.now())
    limit = limits_of(services, caller, Measure.JOBS_IN_QUEUE).get(caller.project_id, 0)
    if limit and job_queries.n_unfinished(session, caller.project_id) >= limit:
        message = f"Your project has {limit} fine-tuning jobs that have not ended, which is its limit. Wait for one."
        raise ApiError(
            429, message, type="requests", code="rate_limit_exceeded", headers={"retry-after": str(QUEUE_RETRY_S)}
        )
