"""How a job moves: every change of state goes through here, and nothing leaves a terminal state.

These are the worker's queries; they see every project. The API's, which take a project, are in
`gateway.store.job_queries`.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store import events, webhooks
from gateway.store.errors import NotFound, StoreError
from gateway.store.models import TERMINAL, Job, JobState


class JobEnded(StoreError):
    """The job is in a terminal state, so the stage that wanted to go on must stop."""

    def __init__(self, id: str, state: str) -> None:
        self.state = state
        super().__init__(f"job {id} has ended ({state})")


class CancelRequested(StoreError):
    """The client asked for the job to be cancelled, and it has not ended yet."""

    def __init__(self, id: str) -> None:
        super().__init__(f"job {id} is to be cancelled")


def find(session: Session, job_id: str) -> Job:
    """The job's row. Raises `NotFound`."""
    job = session.get(Job, job_id)
    if job is None:
        raise NotFound("fine-tuning job", job_id)
    return job


def going_on(session: Session, job_id: str) -> Job:
    """The row of a job that may go on. Raises `JobEnded` or `CancelRequested` otherwise."""
    job = find(session, job_id)
    if job.state in TERMINAL:
        raise JobEnded(job_id, job.state)
    if job.cancel_requested_at is not None:
        raise CancelRequested(job_id)
    return job


def enter(session: Session, job_id: str, state: JobState) -> Job:
    """Move a job to a state that is not terminal. Raises `JobEnded` or `CancelRequested`."""
    job = going_on(session, job_id)
    job.state = state
    return job


def fail(session: Session, job_id: str, *, code: str, message: str, param: str | None, now: int) -> Job:
    """End a job as failed and say why in its log. A job that has ended already is left alone."""
    job = find(session, job_id)
    if job.state not in TERMINAL:
        job.state = JobState.FAILED
        job.error_code, job.error_message, job.error_param = code, message, param
        job.finished_at = now
        job.estimated_finish = None
        events.add(session, job, "failed", message, now=now, level="error")
        webhooks.announce(session, job, now=now)
    return job


def cancel(session: Session, job_id: str, *, now: int) -> Job:
    """End a job as cancelled. A job that has ended already is left alone."""
    job = find(session, job_id)
    if job.state not in TERMINAL:
        job.state = JobState.CANCELLED
        job.finished_at = now
        job.estimated_finish = None
        events.add(session, job, "cancelled", "The job has been cancelled", now=now)
        webhooks.announce(session, job, now=now)
    return job


def screened(session: Session, project_id: str, *, before: int | None, limit: int) -> Sequence[Job]:
    """The project's jobs whose file was screened, newest first: those before a sequence number, or all (None)."""
    query = select(Job).where(Job.project_id == project_id, Job.screening.is_not(None)).order_by(Job.sequence.desc())
    if before is not None:
        query = query.where(Job.sequence < before)
    return session.scalars(query.limit(limit)).all()


def unfinished(session: Session) -> Sequence[str]:
    """Ids of dispatched jobs that have not ended, oldest first."""
    query = select(Job.id).where(Job.dispatched_at.is_not(None), Job.state.not_in(TERMINAL))
    return session.scalars(query.order_by(Job.sequence)).all()


def mark_dispatched(session: Session, job_id: str, *, now: int) -> None:
    """Remember that a worker has the job."""
    find(session, job_id).dispatched_at = now


def to_cancel(session: Session) -> Sequence[Job]:
    """Jobs that are asked to be cancelled and have not ended."""
    query = select(Job).where(Job.cancel_requested_at.is_not(None), Job.state.not_in(TERMINAL))
    return session.scalars(query).all()
