"""Counts for Prometheus, in its text format 0.0.4. No label names a model, a tenant or a key.

Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store import engines, head_places
from gateway.store.models import Job, JobState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
ALIVE_S = 30
"""A worker that was not heard of for longer counts as dead."""
Labels = tuple[tuple[str, str], ...]


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
        name = "tunegate_request_seconds"
        yield from (f"# HELP {name} Seconds until an answer was complete.", f"# TYPE {name} histogram")
        for route, counts in within.items():
            total = 0
            for bound, count in zip((*(f"{bound:g}" for bound in BUCKETS_S), "+Inf"), counts, strict=True):
                total += count
                yield f'{name}_bucket{{route="{escaped(route)}",le="{bound}"}} {total}'
            yield f'{name}_sum{{route="{escaped(route)}"}} {seconds[route]:.6f}'
            yield f'{name}_count{{route="{escaped(route)}"}} {total}'


def installation(session: Session, *, now: int) -> Iterable[str]:
    """Counts of the whole installation, read from the database."""
    query = select(Job.state, func.count()).group_by(Job.state)
    jobs = dict.fromkeys(JobState, 0) | {JobState(state): n for state, n in session.execute(query)}
    by_state: dict[Labels, int] = {(("state", state.value),): n for state, n in jobs.items()}
    yield from family("tunegate_jobs", "gauge", "Fine-tuning jobs by internal state.", by_state)
    n_waiting = session.scalar(select(func.count()).select_from(Job).where(Job.dispatched_at.is_(None))) or 0
    yield from family("tunegate_jobs_undispatched", "gauge", "Jobs that no worker took up yet.", {(): n_waiting})
    places = head_places.every(session)
    late = max((head_places.behind(session, place) for place in places), default=0)
    yield from family("tunegate_log_heads_behind", "gauge", "Entries the slowest place of log heads lacks.", {(): late})
    failures = max((place.failures for place in places), default=0)
    yield from family(
        "tunegate_log_heads_failures", "gauge", "Failures in a row of the worst such place.", {(): failures}
    )
    n_alive = len(engines.living(session, since=now - ALIVE_S))
    yield from family("tunegate_workers", "gauge", "Workers heard of a moment ago.", {(): n_alive})


def family(name: str, kind: str, help: str, samples: Mapping[Labels, int]) -> Sequence[str]:
    """One metric with its samples."""
    lines = [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]
    for labels, value in samples.items():
        inner = ",".join(f'{key}="{escaped(text)}"' for key, text in labels)
        lines.append(f"{name}{{{inner}}} {value}" if inner else f"{name} {value}")
    return lines


def escaped(text: str) -> str:
    """A label's value as the format wants it."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
