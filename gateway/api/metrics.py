"""Counts for Prometheus: of this process's requests, and of the installation as it is now."""

import threading
from collections import Counter
from collections.abc import Iterable

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from gateway.store import engines, head_places
from gateway.store.models import TERMINAL, EngineLease, Job, JobState, Model, Review
from gateway.telemetry.exposition import Labels, family, histogram

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
ALIVE_S = 30
"""A worker that was not heard of for longer counts as dead."""


class RequestMetrics:
    """Requests of one process by route, method and status, and how long they took. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[Labels] = Counter()
        self._seconds: dict[str, float] = {}
        self._within: dict[str, list[int]] = {}

    def observe(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count a request that was answered. `route` is a path with placeholders, never one with ids."""
        with self._lock:
            self._requests[(("route", route), ("method", method), ("status", str(status)))] += 1
            self._seconds[route] = self._seconds.get(route, 0.0) + seconds
            within = self._within.setdefault(route, [0] * (len(BUCKETS_S) + 1))
            within[sum(seconds > bound for bound in BUCKETS_S)] += 1

    def lines(self) -> Iterable[str]:
        """The metrics as lines of text."""
        with self._lock:
            requests, seconds = dict(self._requests), dict(self._seconds)
            within = {route: tuple(counts) for route, counts in self._within.items()}
        yield from family("tunegate_requests_total", "counter", "Requests answered.", requests)
        yield from histogram(
            "tunegate_request_seconds",
            "Seconds until an answer was complete.",
            BUCKETS_S,
            {(("route", route),): (counts, seconds[route]) for route, counts in within.items()},
        )


def installation(session: Session, *, now: int) -> Iterable[str]:
    """Counts of the whole installation, read from the database."""
    query = select(Job.state, func.count()).group_by(Job.state)
    jobs = dict.fromkeys(JobState, 0) | {JobState(state): n for state, n in session.execute(query)}
    by_state: dict[Labels, float] = {(("state", state.value),): n for state, n in jobs.items()}
    yield from family("tunegate_jobs", "gauge", "Fine-tuning jobs by internal state.", by_state)
    waiting = select(func.count(), func.min(Job.created_at)).where(
        Job.dispatched_at.is_(None), ~Job.state.in_(TERMINAL)
    )
    n_waiting, oldest = session.execute(waiting).one()
    yield from family("tunegate_jobs_undispatched", "gauge", "Jobs that no worker took up yet.", {(): n_waiting})
    age_s = 0 if oldest is None else max(0, now - oldest)
    yield from family("tunegate_queue_age_seconds", "gauge", "How long the oldest such job waits.", {(): age_s})
    yield from _models(session)
    places = head_places.every(session)
    late = max((head_places.behind(session, place) for place in places), default=0)
    yield from family("tunegate_log_heads_behind", "gauge", "Entries the slowest place of log heads lacks.", {(): late})
    failures = max((place.failures for place in places), default=0)
    yield from family(
        "tunegate_log_heads_failures", "gauge", "Failures in a row of the worst such place.", {(): failures}
    )
    n_alive = len(engines.living(session, since=now - ALIVE_S))
    yield from family("tunegate_workers", "gauge", "Workers heard of a moment ago.", {(): n_alive})
    served = select(func.count()).where(EngineLease.address.is_not(None), EngineLease.lease_until >= now)
    yield from family("tunegate_engines", "gauge", "Serving engines that answer.", {(): session.scalar(served) or 0})


def _models(session: Session) -> Iterable[str]:
    """Released models by what became of them, and the questions that wait for a person."""
    gone, held = Model.revoked_at.is_not(None), Model.held_at.is_not(None)
    state = case((gone, "revoked"), (held, "held"), else_="released")
    counted = select(state.label("state"), func.count().label("n")).group_by(state)
    found: dict[str, int] = {row.state: row.n for row in session.execute(counted)}
    by_state: dict[Labels, float] = {(("state", name),): found.get(name, 0) for name in ("released", "held", "revoked")}
    yield from family("tunegate_models", "gauge", "Released models by state.", by_state)
    n_open = session.scalar(select(func.count()).select_from(Review).where(Review.decided_at.is_(None))) or 0
    yield from family("tunegate_reviews_open", "gauge", "Questions that wait for a reviewer.", {(): n_open})
