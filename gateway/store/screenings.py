"""Requests to screen a file without training on it."""

from sqlalchemy.orm import Session

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


def get(session: Session, project_id: str, screening_id: str) -> Screening:
    """A screening. Raises `NotFound`."""
    row = session.scalar(owned(Screening, project_id).where(Screening.id == screening_id))
    if row is None:
        raise NotFound("screening", screening_id)
    return row
