"""The trail: who did what to which object, in ids and without content. Lines are only ever added."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.ids import IdKind, Ids
from gateway.store.pages import Page, page_of
from gateway.store.tenant_models import Act


class ActorKind(StrEnum):
    """What kind of actor it was."""

    USER = "user"
    SERVICE_ACCOUNT = "service_account"
    ADMIN_KEY = "admin_key"
    OPERATOR = "operator"
    """Whoever may run commands on the gateway's machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who did it, and where they belong."""

    kind: ActorKind
    id: str
    key_id: str | None = None
    organization_id: str | None = None
    project_id: str | None = None


def operator(*, organization_id: str | None = None, project_id: str | None = None) -> Actor:
    """The operator at the command line."""
    return Actor(
        kind=ActorKind.OPERATOR,
        id=ActorKind.OPERATOR.value,
        organization_id=organization_id,
        project_id=project_id,
    )


def add(
    session: Session,
    ids: Ids,
    actor: Actor,
    act: str,
    resource_id: str,
    *,
    now: int,
    status: int = 0,
    request_id: str | None = None,
) -> None:
    """Add a line. `status` is that of the HTTP answer, 0 at the command line."""
    session.add(
        Act(
            id=ids.new(IdKind.ACT),
            at=now,
            act=act,
            organization_id=actor.organization_id,
            project_id=actor.project_id,
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            key_id=actor.key_id,
            resource_id=resource_id,
            status=status,
            request_id=request_id,
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which lines are wanted; an empty field is no condition."""

    organization_id: str | None = None
    project_ids: Sequence[str] = ()
    acts: Sequence[str] = ()
    actor_ids: Sequence[str] = ()
    """Of actors or of their keys."""
    resource_ids: Sequence[str] = ()
    since: int | None = None
    """Unix seconds, inclusive."""
    until: int | None = None
    """Unix seconds, exclusive."""


def newest_first(session: Session, wanted: Query, *, after: str | None, limit: int) -> Page[Act]:
    """A page of the trail."""
    query = select(Act)
    if wanted.organization_id is not None:
        query = query.where(Act.organization_id == wanted.organization_id)
    every = query
    for column, values in (
        (Act.project_id, wanted.project_ids),
        (Act.act, wanted.acts),
        (Act.resource_id, wanted.resource_ids),
    ):
        if values:
            query = query.where(column.in_(values))
    if wanted.actor_ids:
        query = query.where(Act.actor_id.in_(wanted.actor_ids) | Act.key_id.in_(wanted.actor_ids))
    if wanted.since is not None:
        query = query.where(Act.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Act.at < wanted.until)
    return page_of(session, query, (Act.id, Act.sequence), after=after, limit=limit, cursors=every)
