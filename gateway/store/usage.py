"""Counters of what keys and projects use, in fixed windows; in the database, so that replicas agree."""

from dataclasses import dataclass

from sqlalchemy import case, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from gateway.store.errors import LimitReached
from gateway.store.limits import Measure, window
from gateway.store.wire_models import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of a limit in this window."""

    limit: int
    remaining: int
    reset_s: int
    """Seconds until the next window."""


def take(session: Session, scope: str, measure: Measure, amount: int, *, limit: int, now: int) -> Allowance:
    """Count an amount against a limit. Raises `LimitReached`; the caller's rollback then uncounts it."""
    used = add(session, scope, measure, amount, now=now)
    reset_s = window(measure, now)[1] - now
    if used > limit:
        raise LimitReached(measure, limit=limit, reset_s=reset_s, amount=amount)
    return Allowance(limit=limit, remaining=limit - used, reset_s=reset_s)


def add(session: Session, scope: str, measure: Measure, amount: int, *, now: int) -> int:
    """Count an amount; returns what was used in this window with it.

    Where another replica, whose clock is a little ahead, counts in the next window already, it counts there. Where the
    clock was set back, what was counted in windows to come is taken along: no limit begins anew.
    """
    start, end = window(measure, now)
    mine = (Usage.scope == scope, Usage.measure == measure)
    total = case((Usage.window_start >= start, Usage.amount + amount), else_=amount)
    latest = case((Usage.window_start == end, end), else_=start)
    counted = update(Usage).where(*mine).values(amount=total, window_start=latest)
    counted = counted.execution_options(synchronize_session=False)
    if session.connection().execute(counted).rowcount == 0:
        try:
            with session.begin_nested():
                session.add(Usage(scope=scope, measure=measure, window_start=start, amount=amount))
        except IntegrityError:  # another replica made the row a moment ago
            session.connection().execute(counted)
    return session.scalar(select(Usage.amount).where(*mine)) or 0


def give_back(session: Session, scope: str, measure: Measure, amount: int, *, start: int) -> None:
    """Uncount an amount that was counted in the window that began at `start`; nothing when that is over."""
    mine = (Usage.scope == scope, Usage.measure == measure, Usage.window_start == start)
    less = update(Usage).where(*mine).values(amount=Usage.amount - amount)
    session.connection().execute(less.execution_options(synchronize_session=False))


def used(session: Session, scope: str, measure: Measure, *, now: int) -> int:
    """What was used in the window that `now` lies in, or in one to come."""
    query = select(Usage.amount).where(
        Usage.scope == scope, Usage.measure == measure, Usage.window_start >= window(measure, now)[0]
    )
    return session.scalar(query) or 0


def check(session: Session, scope: str, measure: Measure, *, limit: int, now: int) -> None:
    """Raise `LimitReached` when a limit is used up, without counting anything."""
    if limit and used(session, scope, measure, now=now) >= limit:
        raise LimitReached(measure, limit=limit, reset_s=window(measure, now)[1] - now)
