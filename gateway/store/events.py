"""The log of a job: events that are said once, however often a step runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.database import next_sequence
from gateway.store.ids import IdKind, derived
from gateway.store.models import Event, Job
from gateway.store.pages import Page, page_of


def add(  # noqa: PLR0913 - an event has so many fields
    session: Session,
    job: Job,
    kind: str,
    message: str,
    *,
    now: int,
    step: int = 0,
    level: str = "info",
    type: str = "message",
    data: Mapping[str, Any] | None = None,
) -> bool:
    """Append an event unless the job already has one of this kind and step; say whether it was new.

    `level` is `info`, `warn` or `error`; `type` is `message`, `metrics` or `moderation_checks`.
    Events are listed in the order in which they were added.
    """
    known = select(Event.id).where(Event.job_id == job.id, Event.kind == kind, Event.step == step)
    sequence = next_sequence(session, Event.sequence)
    if session.scalar(known) is not None:
        return False
    session.add(
        Event(
            id=derived(IdKind.EVENT, job.id, kind, str(step)),
            sequence=sequence,
            project_id=job.project_id,
            job_id=job.id,
            kind=kind,
            step=step,
            level=level,
            type=type,
            message=message,
            data=None if data is None else dict(data),
            created_at=now,
        )
    )
    session.flush()
    return True


def data_of(session: Session, job_id: str, kind: str) -> Mapping[str, Any] | None:
    """What the one event of this kind carries, None when it was not said."""
    return session.scalar(select(Event.data).where(Event.job_id == job_id, Event.kind == kind))


def newest_first(session: Session, job: Job, *, after: str | None, limit: int) -> Page[Event]:
    """A page of a job's events; `after` is the id of an event, and older ones follow."""
    query = select(Event).where(Event.job_id == job.id, Event.project_id == job.project_id)
    return page_of(session, query, (Event.id, Event.sequence), after=after, limit=limit)


def all_of(session: Session, job: Job) -> Sequence[Event]:
    """Every event of a job, oldest first."""
    return session.scalars(select(Event).where(Event.job_id == job.id).order_by(Event.sequence)).all()
