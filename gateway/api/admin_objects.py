"""Rows to the objects of OpenAI's admin API, with fields of our own beside its."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from gateway.store.admin_keys import Issued as IssuedAdminKey
from gateway.store.errors import UnknownCursor
from gateway.store.keys import Issued
from gateway.store.limits import Limits, Measure, Own
from gateway.store.models import ApiKey, Principal, Project
from gateway.store.tenant_models import Act, AdminKey, User
from gateway.store.trail import ActorKind

R = TypeVar("R")
RATE_LIMIT = "rl-all"
"""The one rate limit of a project, for every model together."""


def project_object(project: Project) -> dict[str, Any]:
    """An `organization.project`."""
    return {
        "id": project.id,
        "object": "organization.project",
        "name": project.name,
        "created_at": project.created_at,
        "archived_at": project.archived_at,
        "status": "active" if project.archived_at is None else "archived",
        "policy": project.policy_name,
        "limits": project.limits,
        "erased_at": project.erased_at,
    }


def rate_limit_object(project: Project, defaults: Limits) -> dict[str, Any]:
    """A `project.rate_limit`; 0 is none."""
    own = Own(granted=project.granted, chosen=project.limits)
    return {
        "id": RATE_LIMIT,
        "object": "project.rate_limit",
        "model": "*",
        "max_requests_per_1_minute": defaults.of_project(own, Measure.REQUESTS),
        "max_tokens_per_1_minute": defaults.of_project(own, Measure.TOKENS),
    }


def user_object(user: User) -> dict[str, Any]:
    """An `organization.user`."""
    return {
        "id": user.id,
        "object": "organization.user",
        "name": user.name,
        "email": user.email or None,
        "role": "reader",
        "added_at": user.created_at,
    }


def member_object(member: Principal, user: User) -> dict[str, Any]:
    """An `organization.project.user`."""
    return {
        "id": user.id,
        "object": "organization.project.user",
        "name": user.name,
        "email": user.email or None,
        "role": member.role,
        "added_at": member.created_at,
    }


def service_account_object(account: Principal, issued: Issued | None = None) -> dict[str, Any]:
    """An `organization.project.service_account`, with its first key where one was made for it."""
    shown: dict[str, Any] = {
        "id": account.id,
        "object": "organization.project.service_account",
        "name": account.name,
        "role": account.role,
        "created_at": account.created_at,
    }
    if issued is not None:
        shown["api_key"] = issued_object(issued)
    return shown


def issued_object(issued: Issued) -> dict[str, Any]:
    """A new key with its value, which is shown here once."""
    row = issued.row
    return {
        "id": row.id,
        "object": "organization.project.service_account.api_key",
        "name": row.name,
        "value": issued.value,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "scopes": row.permissions,
        "limits": row.limits,
    }


def key_object(key: ApiKey, owner: Principal) -> dict[str, Any]:
    """An `organization.project.api_key`; the owner of a member's key is the user."""
    kind = "service_account" if owner.user_id is None else "user"
    shown = {
        "id": owner.user_id or owner.id,
        "name": owner.name,
        "role": owner.role,
        "created_at": owner.created_at,
    }
    return {
        "id": key.id,
        "object": "organization.project.api_key",
        "name": key.name,
        "redacted_value": f"{key.prefix}...",
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": None,
        "owner": {"type": kind, kind: shown if kind == "service_account" else shown | {"email": ""}},
        "owner_project_access": "active" if owner.removed_at is None else "inactive",
        "scopes": key.permissions,
        "limits": key.limits,
    }


def admin_key_object(key: AdminKey, issued: IssuedAdminKey | None = None) -> dict[str, Any]:
    """An `organization.admin_api_key`, with its value where it is new."""
    shown: dict[str, Any] = {
        "id": key.id,
        "object": "organization.admin_api_key",
        "name": key.name,
        "redacted_value": f"{key.prefix}...",
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": None,
        "owner": {"type": "service_account", "object": "organization.service_account", "role": "owner"},
    }
    return shown if issued is None else shown | {"value": issued.value}


def act_object(act: Act) -> dict[str, Any]:
    """A line of the trail in the shape of OpenAI's audit log."""
    actor: dict[str, Any] = {"type": "api_key", "api_key": None}
    if act.actor_kind in (ActorKind.USER, ActorKind.SERVICE_ACCOUNT):
        actor["api_key"] = {"id": act.key_id, "type": act.actor_kind, act.actor_kind: {"id": act.actor_id}}
    elif act.actor_kind == ActorKind.ADMIN_KEY:
        actor["api_key"] = {"id": act.key_id, "type": "service_account", "service_account": {"id": act.actor_id}}
    else:
        actor = {"type": "session", "session": {"user": {"id": act.actor_id}}}
    return {
        "id": act.id,
        "object": "organization.audit_log",
        "type": act.act,
        "effective_at": act.at,
        "actor": actor,
        "project": None if act.project_id is None else {"id": act.project_id, "name": ""},
        act.act: {"id": act.resource_id},
        "status": act.status,
        "request_id": act.request_id,
    }


def deleted_object(kind: str, id: str) -> dict[str, Any]:
    """What is answered when something was deleted."""
    return {"object": f"{kind}.deleted", "id": id, "deleted": True}


def page(
    rows: Sequence[R], to_object: Callable[[R], dict[str, Any]], *, after: str | None, limit: int
) -> dict[str, Any]:
    """A page of a list that is short enough to be read whole. Raises `UnknownCursor`."""
    objects = [to_object(row) for row in rows]
    first = 0
    if after is not None:
        places = [place for place, shown in enumerate(objects) if shown["id"] == after]
        if not places:
            raise UnknownCursor(after)
        first = places[0] + 1
    data = objects[first : first + limit]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(objects) > first + limit,
    }
