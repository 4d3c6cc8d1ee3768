"""Files of a project. A deleted or expired file is not found, but jobs keep its id."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, or_, select, update
from sqlalchemy.orm import Session

from gateway.store.blobs import BlobInfo
from gateway.store.database import next_sequence
from gateway.store.errors import NotFound
from gateway.store.models import TERMINAL, File, Job, Screening
from gateway.store.pages import Page, page_of
from gateway.store.scope import owned
from gateway.store.sendings import Sending, made_by_another
from gateway.store.wire_models import Upload


def blob_key(project_id: str, file_id: str) -> str:
    """Where the bytes of a file lie."""
    return f"projects/{project_id}/files/{file_id}"


def insert(
    session: Session,
    *,
    id: str,
    project_id: str,
    filename: str,
    purpose: str,
    blob: BlobInfo,
    now: int,
    expires_at: int | None = None,
) -> File:
    """Register a file whose bytes were put under `blob_key(project_id, id)` before."""
    file = File(
        id=id,
        project_id=project_id,
        sequence=next_sequence(session, File.sequence),
        filename=filename,
        purpose=purpose,
        bytes=blob.bytes,
        sha256=blob.sha256,
        blob_key=blob_key(project_id, id),
        created_at=now,
        expires_at=expires_at,
        deleted_at=None,
    )
    session.add(file)
    session.flush()
    return file


def get(session: Session, project_id: str, file_id: str, *, now: int) -> File:
    """A file that can be used. Raises `NotFound`."""
    file = session.scalar(_usable(project_id, now).where(File.id == file_id))
    if file is None:
        raise NotFound("file", file_id)
    return file


def checked(session: Session, blob_key: str) -> Mapping[str, Any] | None:
    """What was found of a file while it was uploaded, if anything."""
    return session.scalar(select(File.checked).where(File.blob_key == blob_key))


def replayed(session: Session, project_id: str, sending: Sending, *, now: int) -> File | None:
    """The file that another sending of the same upload made, if it can be used."""
    query = _usable(project_id, now).where(made_by_another(File, sending))
    return session.scalar(query.order_by(File.sequence.desc()).limit(1))


def newest(
    session: Session,
    project_id: str,
    *,
    now: int,
    purpose: str | None,
    after: str | None,
    limit: int,
    descending: bool = True,
) -> Page[File]:
    """A page of files in order of creation, newest first unless `descending` is false."""
    query = _usable(project_id, now)
    if purpose is not None:
        query = query.where(File.purpose == purpose)
    every = owned(File, project_id)
    return page_of(
        session, query, (File.id, File.sequence), after=after, limit=limit, descending=descending, cursors=every
    )


def delete(session: Session, project_id: str, file_id: str, *, now: int) -> str | None:
    """Delete a file; return the blob key whose bytes may go, or None while a job still needs them."""
    return _delete(session, get(session, project_id, file_id, now=now), now=now)


def unneeded(session: Session, keys: Collection[str]) -> Sequence[str]:
    """Which of these blob keys are of files that were deleted and that no unfinished job or screening reads."""
    reading = or_(Job.training_blob_key == File.blob_key, Job.validation_blob_key == File.blob_key)
    trained_on = select(Job.id).where(reading, Job.state.not_in(TERMINAL)).exists()
    screened = select(Screening.id).where(Screening.blob_key == File.blob_key, Screening.finished_at.is_(None)).exists()
    deleted = select(File.blob_key).where(File.blob_key.in_(keys), File.deleted_at.is_not(None))
    return session.scalars(deleted.where(~trained_on, ~screened)).all()


def expire(session: Session, *, now: int, limit: int = 100) -> list[str]:
    """Delete files whose time is over, of every project; return the blob keys whose bytes may go."""
    query = select(File).where(File.expires_at <= now, File.deleted_at.is_(None)).limit(limit)
    keys = [_delete(session, file, now=now) for file in session.scalars(query).all()]
    return [key for key in keys if key is not None]


def _delete(session: Session, file: File, *, now: int) -> str | None:
    file.deleted_at = now
    file.filename = ""
    session.execute(update(Upload).where(Upload.file_id == file.id).values(filename=""))
    session.flush()
    return file.blob_key if unneeded(session, [file.blob_key]) else None


def _usable(project_id: str, now: int) -> Select[File]:
    return owned(File, project_id).where(
        File.deleted_at.is_(None), or_(File.expires_at.is_(None), File.expires_at > now)
    )
