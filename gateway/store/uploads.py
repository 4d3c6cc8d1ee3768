"""Uploads in parts: pending until they are completed, cancelled or an hour old."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store.errors import NotFound, UploadIsOver
from gateway.store.models import File
from gateway.store.scope import owned
from gateway.store.wire_models import Upload, UploadPart

LIFETIME_S = 3_600
"""Seconds after its creation until which an upload may be completed."""
PENDING = "pending"


def part_key(project_id: str, upload_id: str, part_id: str) -> str:
    """Where the bytes of a part lie."""
    return f"projects/{project_id}/uploads/{upload_id}/{part_id}"


def state_of(upload: Upload, *, now: int) -> str:
    """The upload's state: a pending one is `expired` as soon as its time is over."""
    return "expired" if upload.state == PENDING and now >= upload.expires_at else upload.state


def get(session: Session, project_id: str, upload_id: str) -> Upload:
    """An upload. Raises `NotFound`."""
    upload = session.scalar(owned(Upload, project_id).where(Upload.id == upload_id))
    if upload is None:
        raise NotFound("upload", upload_id)
    return upload


def file_of(session: Session, upload: Upload) -> File | None:
    """The file that an upload was completed to, None before and where it was deleted for good."""
    return session.get(File, upload.file_id) if upload.file_id else None


def pending(session: Session, project_id: str, upload_id: str, *, now: int) -> Upload:
    """An upload that may go on; others wait for this transaction. Raises `NotFound`, `UploadIsOver`."""
    upload = session.scalar(owned(Upload, project_id).where(Upload.id == upload_id).with_for_update())
    if upload is None:
        raise NotFound("upload", upload_id)
    state = state_of(upload, now=now)
    if state != PENDING:
        raise UploadIsOver(upload_id, state)
    return upload


def parts_of(session: Session, upload: Upload) -> Sequence[UploadPart]:
    """Every part of an upload, oldest first."""
    query = owned(UploadPart, upload.project_id).where(UploadPart.upload_id == upload.id)
    return session.scalars(query.order_by(UploadPart.created_at, UploadPart.id)).all()


def bytes_of_parts(session: Session, upload: Upload) -> int:
    """How many bytes the upload's parts have together, also those that will not be in the file."""
    return session.scalar(select(func.sum(UploadPart.bytes)).where(UploadPart.upload_id == upload.id)) or 0


def forget_parts(session: Session, upload: Upload) -> list[str]:
    """Delete the rows of an upload's parts; return the blob keys, whose bytes the caller deletes."""
    found = parts_of(session, upload)
    for part in found:
        session.delete(part)
    return [part.blob_key for part in found]


def expire(session: Session, *, now: int, limit: int = 100) -> list[str]:
    """End uploads whose time is over; return the blob keys of their parts."""
    query = select(Upload).where(Upload.state == PENDING, Upload.expires_at <= now).limit(limit)
    keys = []
    for upload in session.scalars(query).all():
        upload.state = "expired"
        keys += forget_parts(session, upload)
    return keys
