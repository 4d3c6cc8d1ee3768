"""`/v1/organization`: users, admin keys and the trail of one organisation, for admin keys."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gateway.api.admin_objects import act_object, admin_key_object, deleted_object, page, user_object
from gateway.api.admin_schemas import NewAdminKey, NewUser
from gateway.api.auth import Admin, Here
from gateway.api.translate import listed
from gateway.api.wire import Body, check, json_response
from gateway.errors import ApiError
from gateway.store import admin_keys, tenants, trail

router = APIRouter(prefix="/v1/organization")
Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("/users")
def list_users(services: Here, admin: Admin, after: str | None = None, limit: Limit = 20) -> Response:
    """The organisation's users."""
    with services.database.read() as session:
        found = tenants.users(session, admin.organization_id)
    return json_response(page(found, user_object, after=after, limit=limit))


@router.post("/users")
def create_user(services: Here, admin: Admin, body: Body) -> Response:
    """Add a person. There is nothing to log in to, so nobody has to be invited."""
    asked = check(NewUser, body)
    with services.database.write() as session:
        user = tenants.create_user(
            session,
            services.ids,
            organization_id=admin.organization_id,
            name=asked.name,
            email=asked.email,
            now=services.now(),
        )
    return json_response(user_object(user))


@router.get("/users/{user_id}")
def retrieve_user(user_id: str, services: Here, admin: Admin) -> Response:
    """One user."""
    with services.database.read() as session:
        return json_response(user_object(tenants.user(session, admin.organization_id, user_id)))


@router.delete("/users/{user_id}")
def delete_user(user_id: str, services: Here, admin: Admin) -> Response:
    """Take a person out of every project: their keys open nothing any more, and their name is forgotten."""
    with services.database.write() as session:
        user = tenants.user(session, admin.organization_id, user_id)
        tenants.remove_user(session, user, now=services.now())
    return json_response(deleted_object("organization.user", user.id))


@router.get("/admin_api_keys")
def list_admin_keys(services: Here, admin: Admin, after: str | None = None, limit: Limit = 20) -> Response:
    """The organisation's admin keys, newest first, without their values."""
    with services.database.read() as session:
        found = admin_keys.of_organization(session, admin.organization_id)
    return json_response(page(found, admin_key_object, after=after, limit=limit))


@router.post("/admin_api_keys")
def create_admin_key(services: Here, admin: Admin, body: Body) -> Response:
    """Make an admin key. Its value is shown once."""
    asked = check(NewAdminKey, body)
    lifetime_s = asked.expires_in_seconds
    with services.database.write() as session:
        issued = admin_keys.create(
            session,
            services.ids,
            services.ids.token,
            organization_id=admin.organization_id,
            name=asked.name,
            now=services.now(),
            expires_at=None if lifetime_s is None else services.now() + lifetime_s,
        )
    return json_response(admin_key_object(issued.row, issued))


@router.get("/admin_api_keys/{key_id}")
def retrieve_admin_key(key_id: str, services: Here, admin: Admin) -> Response:
    """One admin key, without its value."""
    with services.database.read() as session:
        return json_response(admin_key_object(admin_keys.key(session, admin.organization_id, key_id)))


@router.delete("/admin_api_keys/{key_id}")
def revoke_admin_key(key_id: str, services: Here, admin: Admin) -> Response:
    """End an admin key at once."""
    with services.database.write() as session:
        admin_keys.key(session, admin.organization_id, key_id).revoked_at = services.now()
    return json_response(deleted_object("organization.admin_api_key", key_id))


@router.get("/audit_logs")
def list_acts(request: Request, services: Here, admin: Admin, after: str | None = None, limit: Limit = 20) -> Response:
    """Who did what in the organisation, newest first; in ids, without content."""
    wanted = trail.Query(
        organization_id=admin.organization_id,
        project_ids=_several(request, "project_ids"),
        acts=_several(request, "event_types"),
        actor_ids=_several(request, "actor_ids"),
        resource_ids=_several(request, "resource_ids"),
        since=_moment(request, gte=0, gt=1),
        until=_moment(request, lt=0, lte=1),
    )
    with services.database.read() as session:
        found = trail.newest_first(session, wanted, after=after, limit=limit)
    return json_response(listed(found, act_object, ends=True))


def _several(request: Request, name: str) -> list[str]:
    """Values of a query parameter that may come again, with or without brackets behind its name."""
    return [*request.query_params.getlist(name), *request.query_params.getlist(f"{name}[]")]


def _moment(request: Request, **shifts: int) -> int | None:
    """A bound in unix seconds from `effective_at[...]`; each name with what makes of it the bound we ask with."""
    for name, shift in shifts.items():
        param = f"effective_at[{name}]"
        text = request.query_params.get(param)
        if text is not None:
            if not re.fullmatch(r"[0-9]{1,12}", text):
                raise ApiError(400, f"Invalid value for '{param}': expected unix seconds.", param=param)
            return int(text) + shift
    return None
