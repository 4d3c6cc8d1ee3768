"""Who calls, and whether they may: a bearer key, checked before anything else of a request is looked at."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from gateway.api.limits import claim_request, count_details, count_request
from gateway.api.rules import ADMIN_ACTS, ASKING, RULES, Rule
from gateway.api.services import Services
from gateway.api.shares import Shares
from gateway.api.trailing import Pending
from gateway.errors import ApiError
from gateway.store import admin_keys, keys
from gateway.store.admin_keys import Administrator
from gateway.store.keys import Caller
from gateway.store.trail import Actor, ActorKind

NO_KEY = (
    "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
    "(i.e. Authorization: Bearer YOUR_KEY)."
)
MAX_KEY_LENGTH = 512


async def services_of(request: Request) -> Services:
    """What `create_app` was given."""
    services: Services = request.app.state.services
    return services


Here = Annotated[Services, Depends(services_of)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks a model, and with what they are served."""

    services: Services
    shares: Shares
    """What this replica has of their limits."""
    caller: Caller


def caller_of(request: Request, services: Here) -> Caller:
    """Whose key the request carries. Raises a 401, a 403 for what it may not do, and a 429 when it asks too often."""
    key = _bearer(request)
    caller = None
    if _may_be_known(key):
        with services.database.read() as session:
            caller = keys.verify(session, key, now=services.now())
    if caller is None:
        raise _unknown(key)
    rule = RULES[request.method, request.scope["route"].path_format]
    detailed = rule.details and caller.may_read_details
    if rule.act and (detailed or not rule.details):
        request.state.trail = Pending(actor=_actor(caller), act=rule.act)
    _check(request, caller, rule)
    request.state.headers = count_request(services, caller)
    if detailed:
        count_details(services, caller)
    return caller


Who = Annotated[Caller, Depends(caller_of)]


async def asker_of(request: Request) -> Asker:
    """The same for those who ask models, which is no act of the trail: nothing is read that is remembered."""
    services: Services = request.app.state.services
    shares: Shares = request.app.state.shares
    key = _bearer(request)
    caller = None
    if _may_be_known(key):
        caller = await services.database.memory.get(keys.OwnerOf(keys.digest(key)))
    if caller is None or caller.has_expired(services.now()):
        raise _unknown(key)
    _check(request, caller, ASKING)
    request.state.headers = await claim_request(services, shares, caller)
    return Asker(services=services, shares=shares, caller=caller)


def administrator_of(request: Request, services: Here) -> Administrator:
    """Whose admin key the request carries. Raises a 401, and a 403 for a key of a project."""
    key = _bearer(request)
    found = None
    if len(key) <= MAX_KEY_LENGTH:
        with services.database.read() as session:
            found = admin_keys.verify(session, key, now=services.now())
            of_project = None if found else keys.verify(session, key, now=services.now())
        if of_project is not None:
            message = "Organisations are administered with an admin key (`tunegate keys admin`), not with a project's."
            raise ApiError(403, message, code="insufficient_permissions")
    if found is None:
        raise _unknown(key)
    request.state.organization = found.organization_id
    act = ADMIN_ACTS.get((request.method, request.scope["route"].path_format))
    if act is not None:
        actor = Actor(
            kind=ActorKind.ADMIN_KEY,
            id=found.key_id,
            key_id=found.key_id,
            organization_id=found.organization_id,
            project_id=request.path_params.get("project_id"),
        )
        request.state.trail = Pending(actor=actor, act=act)
    return found


Admin = Annotated[Administrator, Depends(administrator_of)]


def _may_be_known(key: str) -> bool:
    return len(key) <= MAX_KEY_LENGTH and not key.startswith(admin_keys.PREFIX)


def _check(request: Request, caller: Caller, rule: Rule) -> None:
    """Raise a 403 for a caller who may not do what a route is for."""
    request.state.organization = caller.organization_id
    if rule.permission not in caller.permissions:
        message = (
            f"Your key lacks the permission '{rule.permission}', which its role '{caller.role}' does not have or the "
            "key does not name. Ask an administrator of this gateway for a key that may do this."
        )
        raise ApiError(403, message, code="insufficient_permissions")


def _bearer(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key:
        raise ApiError(401, NO_KEY)
    return key


def _unknown(key: str) -> ApiError:
    message = (
        f"Incorrect API key provided: {masked(key)}. "
        "You get a key from the operator of this gateway (`tunegate keys create`)."
    )
    return ApiError(401, message, code="invalid_api_key")


def _actor(caller: Caller) -> Actor:
    return Actor(
        kind=ActorKind.SERVICE_ACCOUNT if caller.user_id is None else ActorKind.USER,
        id=caller.user_id or caller.principal_id,
        key_id=caller.key_id,
        organization_id=caller.organization_id,
        project_id=caller.project_id,
    )


def masked(key: str) -> str:
    """A key that its owner knows again and nobody can use: at most a third of it is shown."""
    key = "".join(letter for letter in key[:64] if letter.isascii() and letter.isprintable())
    if len(key) < 16:
        return "****"
    return f"{key[:4]}****{key[-3:]}"
