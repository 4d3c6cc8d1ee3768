"""Keys of the admin API: each is of one organisation, and opens no project's routes."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.errors import NotFound
from gateway.store.ids import IdKind, Ids, TokenBytes
from gateway.store.keys import digest, fresh
from gateway.store.tenant_models import AdminKey

PREFIX = "sk-admin-"
SHOWN = 13
"""Letters of a key that are kept in clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Administrator:
    """Who administers. Every answer is limited to `organization_id`."""

    key_id: str
    organization_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new admin key: its row, and its value, which cannot be had again."""

    row: AdminKey
    value: str


def create(
    session: Session,
    ids: Ids,
    token_bytes: TokenBytes,
    *,
    organization_id: str,
    name: str,
    now: int,
    expires_at: int | None = None,
) -> Issued:
    """Make an admin key of an organisation."""
    value = fresh(token_bytes, PREFIX)
    row = AdminKey(
        id=ids.new(IdKind.KEY),
        organization_id=organization_id,
        name=name,
        prefix=value[:SHOWN],
        sha256=digest(value),
        created_at=now,
        revoked_at=None,
        expires_at=expires_at,
    )
    session.add(row)
    session.flush()
    return Issued(row=row, value=value)


def verify(session: Session, key: str, *, now: int) -> Administrator | None:
    """Whose key this is, or None for one that is unknown, revoked or expired."""
    wanted = digest(key)
    row = session.scalar(select(AdminKey).where(AdminKey.sha256 == wanted, AdminKey.revoked_at.is_(None)))
    if row is None or not hmac.compare_digest(row.sha256, wanted):
        return None
    if row.expires_at is not None and now >= row.expires_at:
        return None
    return Administrator(key_id=row.id, organization_id=row.organization_id)


def of_organization(session: Session, organization_id: str) -> Sequence[AdminKey]:
    """Every admin key that is not revoked, newest first."""
    query = select(AdminKey).where(AdminKey.organization_id == organization_id, AdminKey.revoked_at.is_(None))
    return session.scalars(query.order_by(AdminKey.created_at.desc(), AdminKey.id)).all()


def key(session: Session, organization_id: str, key_id: str) -> AdminKey:
    """An admin key that is not revoked. Raises `NotFound`."""
    row = session.get(AdminKey, key_id)
    if row is None or row.organization_id != organization_id or row.revoked_at is not None:
        raise NotFound("admin key", key_id)
    return row
