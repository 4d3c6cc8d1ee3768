"""Organisations, projects and who acts in them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.errors import NameTaken, NotFound
from gateway.store.ids import IdKind, Ids
from gateway.store.models import Organization, Principal, Project

ROLES = ("member", "reviewer", "admin")
"""A reviewer may decide reviews; an admin may do that too."""


def ensure_organization(session: Session, ids: Ids, name: str, *, now: int) -> Organization:
    """The organisation of this name, made when there is none."""
    known = session.scalar(select(Organization).where(Organization.name == name))
    if known is not None:
        return known
    organization = Organization(id=ids.new(IdKind.ORGANIZATION), name=name, created_at=now)
    session.add(organization)
    session.flush()
    return organization


def create_project(
    session: Session, ids: Ids, *, organization_id: str, name: str, policy_name: str, now: int
) -> Project:
    """A new project bound to a policy. Raises `NameTaken`."""
    if find_project(session, name) is not None:
        raise NameTaken(f"there is already a project '{name}'; choose another name")
    project = Project(
        id=ids.new(IdKind.PROJECT),
        organization_id=organization_id,
        name=name,
        policy_name=policy_name,
        created_at=now,
    )
    session.add(project)
    session.flush()
    return project


def find_project(session: Session, name: str) -> Project | None:
    """The project of this name, if there is one."""
    return session.scalar(select(Project).where(Project.name == name))


def projects(session: Session) -> Sequence[Project]:
    """Every project, in order of name."""
    return session.scalars(select(Project).order_by(Project.name)).all()


def project(session: Session, project_id: str) -> Project:
    """The project of this id. Raises `NotFound`."""
    row = session.get(Project, project_id)
    if row is None:
        raise NotFound("project", project_id)
    return row


def create_principal(session: Session, ids: Ids, *, project_id: str, name: str, role: str, now: int) -> Principal:
    """A new person or service account of a project. `role` is one of `ROLES`, else `ValueError`."""
    if role not in ROLES:
        raise ValueError(f"role is '{role}'; expected {', '.join(ROLES)}")
    principal = Principal(id=ids.new(IdKind.PRINCIPAL), project_id=project_id, name=name, role=role, created_at=now)
    session.add(principal)
    session.flush()
    return principal
