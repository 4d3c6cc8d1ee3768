"""`/v1/organization/projects`: projects, their policies and their limits, for admin keys."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session
from starlette.responses import Response

from gateway.api.admin_objects import RATE_LIMIT, page, project_object, rate_limit_object
from gateway.api.admin_schemas import NewProject, ProjectChanges, ProjectLimits, RateLimit
from gateway.api.auth import Admin, Here
from gateway.api.delegating import check_limits, check_policy
from gateway.api.services import Services
from gateway.api.wire import Body, check, json_response
from gateway.errors import ApiError, PolicyError
from gateway.store import erasing, tenants
from gateway.store.admin_keys import Administrator
from gateway.store.errors import NotFound
from gateway.store.limits import Measure, Own
from gateway.store.models import Project

router = APIRouter(prefix="/v1/organization/projects")
Limit = Annotated[int, Query(ge=1, le=100)]


@router.get("")
def list_projects(
    services: Here, admin: Admin, after: str | None = None, limit: Limit = 20, include_archived: bool = False
) -> Response:
    """The organisation's projects, in order of name."""
    with services.database.read() as session:
        found = tenants.projects(session, admin.organization_id)
    shown = [project for project in found if include_archived or project.archived_at is None]
    return json_response(page(shown, project_object, after=after, limit=limit))


@router.post("")
def create(services: Here, admin: Admin, body: Body) -> Response:
    """Make a project, bound to a policy."""
    asked = check(NewProject, body)
    check_policy(services, asked.policy)
    _check_known(services, asked.policy)
    with services.database.write() as session:
        project = tenants.create_project(
            session,
            services.ids,
            organization_id=admin.organization_id,
            name=asked.name,
            policy_name=asked.policy,
            now=services.now(),
        )
    return json_response(project_object(project))


@router.get("/{project_id}")
def retrieve(project_id: str, services: Here, admin: Admin) -> Response:
    """One project."""
    with services.database.read() as session:
        return json_response(project_object(project_of(session, admin, project_id)))


@router.post("/{project_id}")
def update(project_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Rename a project, or bind it to another policy: for jobs that are created from now on."""
    asked = check(ProjectChanges, body)
    with services.database.write() as session:
        project = open_project(session, admin, project_id)
        if asked.name is not None:
            tenants.rename_project(session, project, asked.name)
        if asked.policy is not None:
            check_policy(services, asked.policy, bound=project.policy_name)
            _check_known(services, asked.policy)
            project.policy_name = asked.policy
    return json_response(project_object(project))


@router.post("/{project_id}/archive")
def archive(project_id: str, services: Here, admin: Admin) -> Response:
    """Close a project: its keys open nothing from now on."""
    with services.database.write() as session:
        project = project_of(session, admin, project_id)
        tenants.archive_project(project, now=services.now())
    return json_response(project_object(project))


@router.post("/{project_id}/erase")
def erase(project_id: str, services: Here, admin: Admin) -> Response:
    """Delete everything of a project for ever; the decision log and the trail keep ids and digests."""
    with services.database.write() as session:
        project = project_of(session, admin, project_id)
        erasing.close(session, project, actor=admin.key_id, now=services.now())
    with services.database.write() as session:
        project = project_of(session, admin, project_id)
        erasing.erase_rows(session, project, now=services.now())
    services.blobs.delete_tree(erasing.blob_prefix(project_id))
    return json_response(project_object(project))


@router.get("/{project_id}/rate_limits")
def list_rate_limits(
    project_id: str, services: Here, admin: Admin, after: str | None = None, limit: Limit = 20
) -> Response:
    """The project's rate limit: one, for every model together."""
    with services.database.read() as session:
        project = project_of(session, admin, project_id)
    defaults = services.settings.limits
    return json_response(page([project], lambda row: rate_limit_object(row, defaults), after=after, limit=limit))


@router.post("/{project_id}/rate_limits/{limit_id}")
def set_rate_limit(project_id: str, limit_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Set requests and tokens a minute, at most the operator's; 0 is no limit but that."""
    asked = check(RateLimit, body)
    wanted = {Measure.REQUESTS: asked.max_requests_per_1_minute, Measure.TOKENS: asked.max_tokens_per_1_minute}
    with services.database.write() as session:
        project = open_project(session, admin, project_id)
        if limit_id != RATE_LIMIT:
            raise NotFound("rate limit", limit_id)
        set_now = {measure.value: value for measure, value in wanted.items() if value is not None}
        check_limits(set_now, _most(services, project))
        project.limits = project.limits | set_now
    return json_response(rate_limit_object(project, services.settings.limits))


@router.post("/{project_id}/limits")
def set_limits(project_id: str, services: Here, admin: Admin, body: Body) -> Response:
    """Set limits of any measure, at most the operator's; what is named under `unset` is the operator's again."""
    asked = check(ProjectLimits, body)
    with services.database.write() as session:
        project = open_project(session, admin, project_id)
        kept = {name: value for name, value in project.limits.items() if name not in asked.unset}
        check_limits(asked.limits, _most(services, project))
        project.limits = kept | asked.limits
    return json_response(project_object(project))


def project_of(session: Session, admin: Administrator, project_id: str) -> Project:
    """A project of the administrator's organisation; every other one never was. Raises `NotFound`."""
    return tenants.project(session, project_id, organization_id=admin.organization_id)


def open_project(session: Session, admin: Administrator, project_id: str) -> Project:
    """As `project_of`, of one that is not archived. Raises a 400 for one that is."""
    project = project_of(session, admin, project_id)
    if project.archived_at is not None:
        raise ApiError(400, f"Project {project_id} is archived; nothing in it can be changed.", param="project_id")
    return project


def _most(services: Services, project: Project) -> Mapping[Measure, int]:
    """The operator's limits of a project, by measure."""
    operators = Own(granted=project.granted)
    return {measure: services.limits.of_project(operators, measure) for measure in Measure}


def _check_known(services: Services, name: str) -> None:
    try:
        services.policies.for_project(name)
    except PolicyError as exc:
        message = f"There is no policy '{name[:64]}' on this gateway; see `tunegate policy list`."
        raise ApiError(400, message, param="policy") from exc
