"""Who acts in a project, and with which keys: users, service accounts and keys, for admin keys."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from gateway.api.admin_objects import (
    deleted_object,
    issued_object,
    key_object,
    member_object,
    page,
    service_account_object,
)
from gateway.api.admin_schemas import KeyChanges, NewKey, NewMember, NewServiceAccount, RoleChange
from gateway.api.auth import Admin, Here
from gateway.api.delegating import check_limits, check_role, key_permissions
from gateway.api.routers.projects import open_project, project_of
from gateway.api.services import Services
from gateway.api.wire import Body, check, json_response
from gateway.errors import ApiError
from gateway.store import keys, tenants
from gateway.store.admin_keys import Administrator
from gateway.store.errors import NotFound
from gateway.store.keys import KeyOptions
from gateway.store.limits import OF_KEYS, Measure, Own
from gateway.store.models import ApiKey, Principal
from gateway.store.tenant_models import User

router = APIRouter(prefix="/v1/organization/projects/{project_id}")
Limit = Annotated[int, Query(ge=1, le=100)]
R = TypeVar("R")


@router.get("/users")
def list_members(
    project_id: str, services: Here, admin: Admin, after: str | None = None, limit: Limit = 20
) -> Response:
    """The users of a project."""
    with services.database.read() as session:
        project_of(session, admin, project_id)
        rows = tenants.principals(session, project_id, users=True)
        found = [(row, tenants.member_user(session, row)) for row in rows]
    return json_response(page(found, lambda pair: member_object(*pair), after=after, limit=limit))


@router.post("/users")
def add_member(project_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Make a user of the organisation a member of a project, with a role there."""
    asked = check(NewMember, body)
    who = asked.user_id or asked.email
    if not who:
        raise ApiError(400, "Missing required parameter: 'user_id' or 'email'.", param="user_id")
    check_role(services, asked.role)
    with services.database.write() as session:
        open_project(session, admin, project_id)
        user = tenants.user(session, admin.organization_id, who)
        member = tenants.add_member(
            session, services.ids, user, project_id=project_id, role=asked.role, now=services.now()
        )
    return json_response(member_object(member, user))


@router.get("/users/{user_id}")
def retrieve_member(project_id: str, user_id: str, services: Here, admin: Admin) -> Response:
    """One user of a project."""
    return json_response(member_object(*_member(services, admin, project_id, user_id)))


@router.post("/users/{user_id}")
def update_member(project_id: str, user_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Give a user another role: their keys may do another thing from the next request on."""
    role = check(RoleChange, body).role
    check_role(services, role)
    return json_response(member_object(*_member(services, admin, project_id, user_id, role=role)))


@router.delete("/users/{user_id}")
def remove_member(project_id: str, user_id: str, services: Here, admin: Admin) -> Response:
    """Take a user out of a project: their keys of it open nothing any more."""
    _member(services, admin, project_id, user_id, removed_at=services.now())
    return json_response(deleted_object("organization.project.user", user_id))


@router.post("/users/{user_id}/api_keys")
def create_member_key(project_id: str, user_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Make a key for a user."""
    member, _ = _member(services, admin, project_id, user_id)
    return _new_key(services, member, check(NewKey, body))


@router.get("/service_accounts")
def list_accounts(
    project_id: str, services: Here, admin: Admin, after: str | None = None, limit: Limit = 20
) -> Response:
    """The service accounts of a project."""
    with services.database.read() as session:
        project_of(session, admin, project_id)
        found = tenants.principals(session, project_id, users=False)
    return json_response(page(found, service_account_object, after=after, limit=limit))


@router.post("/service_accounts")
def create_account(project_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Make a service account, and its first key unless it is to have none."""
    asked = check(NewServiceAccount, body)
    check_role(services, asked.role)
    with services.database.write() as session:
        open_project(session, admin, project_id)
        account = tenants.create_principal(
            session, services.ids, project_id=project_id, name=asked.name, role=asked.role, now=services.now()
        )
        options = _options(services, NewKey(name=asked.name, expires_in_seconds=asked.expires_in_seconds))
        issued = None
        if not asked.create_service_account_only:
            issued = keys.issue(session, services.ids, services.ids.token, account, options, now=services.now())
    return json_response(service_account_object(account, issued))


@router.get("/service_accounts/{account_id}")
def retrieve_account(project_id: str, account_id: str, services: Here, admin: Admin) -> Response:
    """One service account."""
    return json_response(service_account_object(_account(services, admin, project_id, account_id)))


@router.post("/service_accounts/{account_id}")
def update_account(project_id: str, account_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Give a service account another role."""
    role = check(RoleChange, body).role
    check_role(services, role)
    return json_response(service_account_object(_account(services, admin, project_id, account_id, role=role)))


@router.delete("/service_accounts/{account_id}")
def delete_account(project_id: str, account_id: str, services: Here, admin: Admin) -> Response:
    """Take a service account out of a project: its keys open nothing any more."""
    _account(services, admin, project_id, account_id, removed_at=services.now())
    return json_response(deleted_object("organization.project.service_account", account_id))


@router.post("/service_accounts/{account_id}/api_keys")
def create_account_key(project_id: str, account_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Make a key for a service account."""
    account = _account(services, admin, project_id, account_id)
    return _new_key(services, account, check(NewKey, body))


@router.get("/api_keys")
def list_keys(project_id: str, services: Here, admin: Admin, after: str | None = None, limit: Limit = 20) -> Response:
    """The keys of a project that are not revoked, newest first, without their values."""
    with services.database.read() as session:
        project_of(session, admin, project_id)
        live = [row for row in keys.keys_of(session, project_id) if row.revoked_at is None]
        found = [(row, keys.owner(session, row)) for row in live]
    return json_response(page(found, lambda pair: key_object(*pair), after=after, limit=limit))


@router.get("/api_keys/{key_id}")
def retrieve_key(project_id: str, key_id: str, services: Here, admin: Admin) -> Response:
    """One key, without its value."""
    return json_response(key_object(*_key(services, admin, project_id, key_id)))


@router.post("/api_keys/{key_id}")
def update_key(project_id: str, key_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Change a key's name, permissions or limits, from the next request on."""
    asked = check(KeyChanges, body)
    changes: dict[str, object] = {} if asked.name is None else {"name": asked.name}
    with services.database.write() as session:
        row = _live_key(session, admin, project_id, key_id)
        if asked.scopes is not None:
            changes["permissions"] = key_permissions(services, asked.scopes, had=row.permissions or ())
        if asked.limits is not None:
            check_limits(asked.limits, _most(services, Own(granted=row.granted)))
            changes["limits"] = asked.limits
        return json_response(key_object(_set(row, changes), keys.owner(session, row)))


@router.delete("/api_keys/{key_id}")
def revoke_key(project_id: str, key_id: str, services: Here, admin: Admin) -> Response:
    """End a key at once."""
    _key(services, admin, project_id, key_id, revoked_at=services.now())
    return json_response(deleted_object("organization.project.api_key", key_id))


def _member(
    services: Services, admin: Administrator, project_id: str, user_id: str, **columns: object
) -> tuple[Principal, User]:
    """A user of a project, with columns of the membership set. Raises `NotFound`."""
    with services.database.write() as session:
        project_of(session, admin, project_id)
        member = tenants.membership(session, project_id, user_id)
        if member is None:
            raise NotFound("user", user_id)
        return _set(member, columns), tenants.member_user(session, member)


def _account(
    services: Services, admin: Administrator, project_id: str, account_id: str, **columns: object
) -> Principal:
    """A service account of a project, with columns set. Raises `NotFound`."""
    with services.database.write() as session:
        project_of(session, admin, project_id)
        return _set(tenants.service_account(session, project_id, account_id), columns)


def _key(
    services: Services, admin: Administrator, project_id: str, key_id: str, **columns: object
) -> tuple[ApiKey, Principal]:
    """A key of a project that is not revoked, with columns set. Raises `NotFound`."""
    with services.database.write() as session:
        row = _live_key(session, admin, project_id, key_id)
        return _set(row, columns), keys.owner(session, row)


def _live_key(session: Session, admin: Administrator, project_id: str, key_id: str) -> ApiKey:
    project_of(session, admin, project_id)
    row = keys.key(session, project_id, key_id)
    if row.revoked_at is not None:
        raise NotFound("key", key_id)
    return row


def _set(row: R, columns: Mapping[str, object]) -> R:
    for name, value in columns.items():
        setattr(row, name, value)
    return row


def _new_key(services: Services, owner: Principal, asked: NewKey) -> Response:
    options = _options(services, asked)
    with services.database.write() as session:
        issued = keys.issue(session, services.ids, services.ids.token, owner, options, now=services.now())
    return json_response(issued_object(issued))


def _options(services: Services, asked: NewKey) -> KeyOptions:
    """What a key is made with. Raises a 403 for permissions and a 400 for limits that are the operator's to give."""
    check_limits(asked.limits, _most(services, Own()))
    lifetime_s = asked.expires_in_seconds
    return KeyOptions(
        name=asked.name,
        expires_at=None if lifetime_s is None else services.now() + lifetime_s,
        permissions=key_permissions(services, asked.scopes),
        limits=Own(chosen=asked.limits),
    )


def _most(services: Services, operators: Own) -> Mapping[Measure, int]:
    """The operator's limits of a key, by measure."""
    return {measure: services.limits.of_key(operators, measure) for measure in OF_KEYS}
