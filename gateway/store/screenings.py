"""Requests to screen a file without training on it."""

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from gateway.store.engine_models import Worker
from gateway.store.errors import NotFound
from gateway.store.models import File, Screening
from gateway.store.scope import owned


def create(session: Session, *, id: str, file: File, policy_digest: str, now: int) -> Screening:
    """Ask for a file to be screened; a worker takes up what is `queued`."""
    screening = Screening(
        id=id,
        project_id=file.project_id,
        file_id=file.id,
        blob_key=file.blob_key,
        policy_digest=policy_digest,
        status="queued",
        report=None,
        error=None,
        created_at=now,
        finished_at=None,
    )
    session.add(screening)
    session.flush()
    return screening


def claim(session: Session, worker_id: str) -> Screening | None:
    """The oldest request that waits, which is this worker's from now on.

    A worker does one at a time: what is its own already is what it could not finish.
    """
    unfinished = and_(Screening.status == "running", Screening.worker_id == worker_id)
    waiting = or_(Screening.status == "queued", unfinished)
    query = select(Screening).where(waiting).order_by(Screening.created_at, Screening.id)
    row = session.scalars(query.limit(1)).first()
    if row is not None:
        row.status, row.worker_id = "running", worker_id
    return row


def requeue(session: Session, worker_id: str) -> None:
    """Let what a worker had, or one that nobody knows of, be taken up again."""
    unknown = or_(Screening.worker_id.is_(None), Screening.worker_id.not_in(select(Worker.id)))
    session.execute(
        update(Screening)
        .where(Screening.status == "running", or_(Screening.worker_id == worker_id, unknown))
        .values(status="queued", worker_id=None)
    )


def get(session: Session, project_id: str, screening_id: str) -> Screening:
    """A screening. Raises `NotFound`."""
    row = session.scalar(owned(Screening, project_id).where(Screening.id == screening_id))
    if row is None:
        raise NotFound("screening", screening_id)
    return row
