"""Bearer keys: 256 random bits, shown once and stored as their SHA-256."""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from gateway.store.errors import NotFound
from gateway.store.ids import IdKind, Ids, TokenBytes
from gateway.store.limits import Own
from gateway.store.models import ApiKey, Principal, Project
from gateway.store.permissions import Permission, allowed

PREFIX = "sk-"
SHOWN = 7
"""Letters of a key that are kept in clear, so that people can tell their keys apart."""

OWNER = (
    select(
        ApiKey.sha256, ApiKey.expires_at, ApiKey.id, ApiKey.permissions, ApiKey.granted, ApiKey.limits,
        Principal.id, Principal.user_id, Principal.role,
        Project.id, Project.organization_id, Project.policy_name, Project.granted, Project.limits,
    )
    .join(Principal, Principal.id == ApiKey.principal_id)
    .join(Project, Project.id == ApiKey.project_id)
    .where(
        ApiKey.sha256 == bindparam("sha256"),
        ApiKey.revoked_at.is_(None),
        Principal.removed_at.is_(None),
        Project.archived_at.is_(None),
    )
)  # fmt: skip
"""Asked of every request: built once, which halves its cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request. Every answer is limited to `project_id`."""

    key_id: str
    principal_id: str
    user_id: str | None
    """None for a service account."""
    project_id: str
    organization_id: str
    policy_name: str
    """The policy that the project is bound to."""
    role: str
    permissions: frozenset[Permission]
    key_limits: Own
    project_limits: Own
    expires_at: int | None
    """Unix second from which on the key opens nothing."""

    def has_expired(self, now: int) -> bool:
        """Whether the key opens nothing any more."""
        return self.expires_at is not None and now >= self.expires_at

    @property
    def may_read_details(self) -> bool:
        """Whether reports are answered in full."""
        return Permission.DETAILS in self.permissions


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOptions:
    """What a new key is given; by default all that its owner's role may, for ever, under the usual limits."""

    name: str = ""
    expires_at: int | None = None
    permissions: Sequence[str] | None = None
    """Names of permissions, checked by `permissions.checked`."""
    limits: Own = field(default_factory=Own)
    """Checked by `limits.checked`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new key: its row, and its value, which cannot be had again."""

    row: ApiKey
    value: str


def create(
    session: Session,
    ids: Ids,
    token_bytes: TokenBytes,
    principal: Principal,
    *,
    now: int,
    expires_at: int | None = None,
) -> str:
    """Make a plain key for a principal; its value. Without `expires_at` it does not expire."""
    return issue(session, ids, token_bytes, principal, KeyOptions(expires_at=expires_at), now=now).value


def issue(
    session: Session, ids: Ids, token_bytes: TokenBytes, principal: Principal, options: KeyOptions, *, now: int
) -> Issued:
    """Make a key for a principal."""
    value = fresh(token_bytes, PREFIX)
    row = ApiKey(
        id=ids.new(IdKind.KEY),
        principal_id=principal.id,
        project_id=principal.project_id,
        name=options.name,
        prefix=value[:SHOWN],
        sha256=digest(value),
        permissions=None if options.permissions is None else list(options.permissions),
        limits=dict(options.limits.chosen),
        granted=dict(options.limits.granted),
        created_at=now,
        revoked_at=None,
        expires_at=options.expires_at,
    )
    session.add(row)
    session.flush()
    return Issued(row=row, value=value)


@dataclass(frozen=True, slots=True)
class OwnerOf:
    """Whose key has this digest: a question that `gateway.store.memory` remembers. Its expiry is the asker's matter."""

    sha256: str

    def ask(self, session: Session) -> Caller | None:
        """None for a key that is unknown or revoked, or whose owner or project is gone."""
        return _owner_of(session, self.sha256)


def verify(session: Session, key: str, *, now: int) -> Caller | None:
    """Whose key this is, or None for one that is unknown, revoked or expired, or whose owner or project is gone.

    The look-up is by digest, which tells an attacker who times it nothing about a stored key.
    """
    found = _owner_of(session, digest(key))
    return None if found is None or found.has_expired(now) else found


def _owner_of(session: Session, wanted: str) -> Caller | None:
    row = session.execute(OWNER, {"sha256": wanted}).one_or_none()
    if row is None or not hmac.compare_digest(row[0], wanted):
        return None
    _, expires_at, key_id, named, key_granted, key_chosen, principal_id, user_id, role, *project = row
    project_id, organization_id, policy_name, project_granted, project_chosen = project
    return Caller(
        key_id=key_id,
        principal_id=principal_id,
        user_id=user_id,
        project_id=project_id,
        organization_id=organization_id,
        policy_name=policy_name,
        role=role,
        permissions=allowed(role, named),
        key_limits=Own(granted=key_granted, chosen=key_chosen),
        project_limits=Own(granted=project_granted, chosen=project_chosen),
        expires_at=expires_at,
    )


def keys_of(session: Session, project_id: str) -> Sequence[ApiKey]:
    """Every key of a project, newest first, revoked ones too."""
    query = select(ApiKey).where(ApiKey.project_id == project_id)
    return session.scalars(query.order_by(ApiKey.created_at.desc(), ApiKey.id)).all()


def key(session: Session, project_id: str, key_id: str) -> ApiKey:
    """A key of a project, revoked ones too. Raises `NotFound`."""
    row = session.scalar(select(ApiKey).where(ApiKey.id == key_id, ApiKey.project_id == project_id))
    if row is None:
        raise NotFound("key", key_id)
    return row


def owner(session: Session, key: ApiKey) -> Principal:
    """Whose key it is."""
    return session.get_one(Principal, key.principal_id)


def found(session: Session, key_id: str) -> ApiKey:
    """A key of any project. Raises `NotFound`."""
    row = session.get(ApiKey, key_id)
    if row is None:
        raise NotFound("key", key_id)
    return row


def rotate(
    session: Session, ids: Ids, token_bytes: TokenBytes, key_id: str, *, now: int, grace_s: int, lifetime_s: int | None
) -> str:
    """Make a key in place of another, which ends after `grace_s` seconds; without grace at once.

    The new one may do what the old one may, for `lifetime_s` seconds or else for as long as the old one was made for.
    Raises `NotFound` for a key that is unknown or has ended already.
    """
    old = session.get(ApiKey, key_id)
    if old is None or old.revoked_at is not None or (old.expires_at is not None and old.expires_at <= now):
        raise NotFound("key that is in use", key_id)
    principal = owner(session, old)
    if lifetime_s is None and old.expires_at is not None:
        lifetime_s = old.expires_at - old.created_at
    old.expires_at = min(now + grace_s, old.expires_at or now + grace_s)
    if grace_s == 0:
        old.revoked_at = now
    options = KeyOptions(
        name=old.name,
        expires_at=None if lifetime_s is None else now + lifetime_s,
        permissions=old.permissions,
        limits=Own(granted=old.granted, chosen=old.limits),
    )
    return issue(session, ids, token_bytes, principal, options, now=now).value


def revoke(session: Session, key_id: str, *, now: int) -> ApiKey:
    """End a key. Raises `NotFound`; revoking twice changes nothing."""
    row = found(session, key_id)
    if row.revoked_at is None:
        row.revoked_at = now
    return row


def fresh(token_bytes: TokenBytes, prefix: str) -> str:
    """A new bearer key: the prefix and 256 random bits."""
    return prefix + base64.urlsafe_b64encode(token_bytes(32)).decode().rstrip("=")


def digest(key: str) -> str:
    """Hex SHA-256 of a key."""
    return hashlib.sha256(key.encode()).hexdigest()
