"""Weights of released models on their way out of the gateway: asked for, packed by a worker, fetched once packed."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store import decisions
from gateway.store.blobs import BlobInfo
from gateway.store.decisions import DecisionKind
from gateway.store.errors import NotFound
from gateway.store.models import Model
from gateway.store.scope import owned
from gateway.store.tenant_models import Export

QUEUED, COMPLETED, FAILED = "queued", "completed", "failed"
KEPT_S = 24 * 3600
"""So long what was packed can be fetched."""
LABEL = "exported: the gate no longer applies"
"""What the attestation that goes along says."""


def ask(session: Session, model: Model, *, id: str, actor: str, reason: str, now: int) -> Export:
    """Ask for a model's weights. The decision log keeps for ever who did, and why."""
    row = Export(
        id=id,
        project_id=model.project_id,
        model_name=model.name,
        actor=actor,
        reason=reason,
        status=QUEUED,
        error=None,
        bytes=None,
        sha256=None,
        created_at=now,
        finished_at=None,
        expires_at=None,
    )
    session.add(row)
    details = {"export": id, "reason": reason, "label": LABEL}
    decisions.of_model(session, model, DecisionKind.EXPORT, details, now=now, actor=actor)
    return row


def get(session: Session, project_id: str, export_id: str) -> Export:
    """An export of a project. Raises `NotFound`."""
    row = session.scalar(owned(Export, project_id).where(Export.id == export_id))
    if row is None:
        raise NotFound("export", export_id)
    return row


def next_queued(session: Session) -> Export | None:
    """The oldest export that no worker has packed yet."""
    query = select(Export).where(Export.status == QUEUED).order_by(Export.created_at, Export.id)
    return session.scalar(query.limit(1))


def complete(session: Session, export_id: str, blob: BlobInfo, *, now: int) -> None:
    """Note what was packed. An export of a project that was erased meanwhile is gone, and stays so."""
    row = session.get(Export, export_id)
    if row is not None and row.status == QUEUED:
        row.status, row.bytes, row.sha256 = COMPLETED, blob.bytes, blob.sha256
        row.finished_at, row.expires_at = now, now + KEPT_S


def fail(session: Session, export_id: str, why: str, *, now: int) -> None:
    """Note why nothing was packed."""
    row = session.get(Export, export_id)
    if row is not None and row.status == QUEUED:
        row.status, row.error, row.finished_at = FAILED, why, now


def expire(session: Session, *, now: int) -> Sequence[str]:
    """Blob keys of packed weights whose time is over."""
    found = session.scalars(select(Export).where(Export.expires_at <= now)).all()
    for row in found:
        row.expires_at = None
    return [blob_key(row.project_id, row.id) for row in found]


def blob_key(project_id: str, export_id: str) -> str:
    """Where packed weights lie."""
    return f"projects/{project_id}/exports/{export_id}"
