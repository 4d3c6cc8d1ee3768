"""What the API asks and writes about jobs. The pipeline's own transitions are in `gateway.store.jobs`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store import events, lineages
from gateway.store.database import next_sequence
from gateway.store.errors import JobIsOver, NotFound
from gateway.store.ids import IdKind, Ids
from gateway.store.models import TERMINAL, File, Job, JobState
from gateway.store.pages import Page, page_of
from gateway.store.scope import owned
from gateway.store.sendings import Sending, made_by_another, mark


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job as it was asked for, checked and complete."""

    project_id: str
    principal_id: str
    model: str
    training_file: File
    validation_file: File | None
    suffix: str | None
    seed: int
    method: str
    hyperparameters: Mapping[str, Any]
    """`n_epochs`, `batch_size`, `learning_rate_multiplier`: a number or `"auto"` each."""
    metadata: Mapping[str, str] | None
    integrations: Sequence[Mapping[str, Any]] | None
    policy_digest: str
    sending: Sending | None = None
    """The request that asks for it."""


def create(session: Session, ids: Ids, new: NewJob, *, now: int) -> Job:
    """Write a job that a worker will find undispatched, and its first event."""
    validation = new.validation_file
    job = Job(
        id=ids.new(IdKind.JOB),
        project_id=new.project_id,
        principal_id=new.principal_id,
        sequence=next_sequence(session, Job.sequence),
        state=JobState.SCREENING,
        model=new.model,
        training_file_id=new.training_file.id,
        training_blob_key=new.training_file.blob_key,
        validation_file_id=validation.id if validation else None,
        validation_blob_key=validation.blob_key if validation else None,
        suffix=new.suffix,
        seed=new.seed,
        method=new.method,
        requested_hyperparameters=dict(new.hyperparameters),
        client_metadata=None if new.metadata is None else dict(new.metadata),
        integrations=None if new.integrations is None else [dict(item) for item in new.integrations],
        policy_digest=new.policy_digest,
        attempt=1 + lineages.on_bytes(session, new.project_id, new.training_file.sha256),
        created_at=now,
        result_files=[],
    )
    if new.sending is not None:
        mark(job, new.sending)
    session.add(job)
    session.flush()
    events.add(session, job, "created", f"Created fine-tuning job: {job.id}", now=now)
    return job


def replayed(session: Session, project_id: str, sending: Sending) -> Job | None:
    """The job that another sending of the same request made.

    One that failed or was cancelled since is no answer: who sends the request wants a job that runs.
    """
    query = owned(Job, project_id).where(
        made_by_another(Job, sending),
        Job.state.not_in((JobState.FAILED, JobState.CANCELLED)),
        Job.cancel_requested_at.is_(None),
    )
    return session.scalar(query.order_by(Job.sequence.desc()).limit(1))


def get(session: Session, project_id: str, job_id: str) -> Job:
    """A job. Raises `NotFound`."""
    job = session.scalar(owned(Job, project_id).where(Job.id == job_id))
    if job is None:
        raise NotFound("job", job_id)
    return job


def n_unfinished(session: Session, project_id: str) -> int:
    """How many of a project's jobs have not ended."""
    query = select(func.count()).select_from(Job).where(Job.project_id == project_id, Job.state.not_in(TERMINAL))
    return session.scalar(query) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataFilter:
    """Which jobs to list: those whose metadata is null, or has all of these pairs."""

    is_null: bool = False
    pairs: Mapping[str, str]


def newest_first(
    session: Session, project_id: str, *, after: str | None, limit: int, metadata: MetadataFilter | None = None
) -> Page[Job]:
    """A page of a project's jobs."""
    every = owned(Job, project_id)
    query = every
    if metadata is not None and metadata.is_null:
        query = query.where(Job.client_metadata.is_(None))
    for key, value in metadata.pairs.items() if metadata else ():
        query = query.where(Job.client_metadata[key].as_string() == value)
    return page_of(session, query, (Job.id, Job.sequence), after=after, limit=limit, cursors=every)


def request_cancel(session: Session, project_id: str, job_id: str, *, now: int) -> Job:
    """Ask for a job to be stopped; the worker does it within seconds. Raises `NotFound`, `JobIsOver`."""
    job = session.scalar(owned(Job, project_id).where(Job.id == job_id).with_for_update())
    if job is None:
        raise NotFound("job", job_id)
    if job.state in TERMINAL:
        raise JobIsOver(job.id, job.state)
    if job.cancel_requested_at is None:
        job.cancel_requested_at = now
        message = "Fine tuning process stopping due to job cancellation"
        events.add(session, job, "cancel_requested", message, level="warn", now=now)
    return job
