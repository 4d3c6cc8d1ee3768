"""Organisations, their projects and users, and who acts in a project."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.errors import NameTaken, NotFound
from gateway.store.ids import IdKind, Ids
from gateway.store.models import Organization, Principal, Project
from gateway.store.permissions import ROLES
from gateway.store.tenant_models import User


def ensure_organization(session: Session, ids: Ids, name: str, *, now: int) -> Organization:
    """The organisation of this name, made when there is none."""
    known = session.scalar(select(Organization).where(Organization.name == name))
    if known is not None:
        return known
    organization = Organization(id=ids.new(IdKind.ORGANIZATION), name=name, created_at=now)
    session.add(organization)
    session.flush()
    return organization


def organizations(session: Session) -> Sequence[Organization]:
    """Every organisation, in order of name."""
    return session.scalars(select(Organization).order_by(Organization.name)).all()


def create_project(
    session: Session, ids: Ids, *, organization_id: str, name: str, policy_name: str, now: int
) -> Project:
    """A new project bound to a policy. Raises `NameTaken`."""
    _check_name(session, name)
    project = Project(
        id=ids.new(IdKind.PROJECT),
        organization_id=organization_id,
        name=name,
        policy_name=policy_name,
        limits={},
        created_at=now,
    )
    session.add(project)
    session.flush()
    return project


def rename_project(session: Session, project: Project, name: str) -> None:
    """Give a project another name. Raises `NameTaken`."""
    if name != project.name:
        _check_name(session, name)
        project.name = name


def archive_project(project: Project, *, now: int) -> None:
    """Close a project: from the next request on none of its keys opens anything. Its objects stay."""
    if project.archived_at is None:
        project.archived_at = now


def find_project(session: Session, name: str) -> Project | None:
    """The project of this name, if there is one."""
    return session.scalar(select(Project).where(Project.name == name))


def named_project(session: Session, name: str) -> Project:
    """The project of this name. Raises `NotFound`."""
    row = find_project(session, name)
    if row is None:
        raise NotFound("project", name)
    return row


def projects(session: Session, organization_id: str | None = None) -> Sequence[Project]:
    """Every project, or every one of an organisation, in order of name."""
    query = select(Project).order_by(Project.name)
    if organization_id is not None:
        query = query.where(Project.organization_id == organization_id)
    return session.scalars(query).all()


def project(session: Session, project_id: str, *, organization_id: str | None = None) -> Project:
    """The project of this id, in this organisation where one is given. Raises `NotFound`."""
    row = session.get(Project, project_id)
    if row is None or organization_id not in (None, row.organization_id):
        raise NotFound("project", project_id)
    return row


def create_principal(
    session: Session, ids: Ids, *, project_id: str, name: str, role: str, now: int, user_id: str | None = None
) -> Principal:
    """A new service account of a project, or a user's membership. `role` is one of `ROLES`, else `ValueError`."""
    check_role(role)
    kind = IdKind.SERVICE_ACCOUNT if user_id is None else IdKind.MEMBER
    principal = Principal(
        id=ids.new(kind), project_id=project_id, name=name, role=role, user_id=user_id, created_at=now, removed_at=None
    )
    session.add(principal)
    session.flush()
    return principal


def check_role(role: str) -> None:
    """Raise `ValueError` for what is no role."""
    if role not in ROLES:
        raise ValueError(f"role is '{role}'; expected {', '.join(ROLES)}")


def add_member(session: Session, ids: Ids, user: User, *, project_id: str, role: str, now: int) -> Principal:
    """Make a user a member of a project, or give a member another role; each user is one principal there."""
    check_role(role)
    known = membership(session, project_id, user.id, removed=True)
    if known is None:
        return create_principal(
            session, ids, project_id=project_id, name=user.name, role=role, now=now, user_id=user.id
        )
    known.role, known.removed_at = role, None
    return known


def membership(session: Session, project_id: str, user_id: str, *, removed: bool = False) -> Principal | None:
    """Which principal a user is in a project; with `removed` also one that was taken out of it."""
    query = select(Principal).where(Principal.project_id == project_id, Principal.user_id == user_id)
    return session.scalar(query if removed else query.where(Principal.removed_at.is_(None)))


def member_user(session: Session, member: Principal) -> User:
    """The user whose membership this is."""
    return session.get_one(User, member.user_id)


def service_account(session: Session, project_id: str, principal_id: str) -> Principal:
    """A service account of a project. Raises `NotFound`."""
    found = session.scalar(select(Principal).where(Principal.id == principal_id, Principal.project_id == project_id))
    if found is None or found.removed_at is not None or found.user_id is not None:
        raise NotFound("service account", principal_id)
    return found


def principals(session: Session, project_id: str, *, users: bool) -> Sequence[Principal]:
    """The members, or the service accounts, of a project, oldest first."""
    query = select(Principal).where(Principal.project_id == project_id, Principal.removed_at.is_(None))
    query = query.where(Principal.user_id.is_not(None) if users else Principal.user_id.is_(None))
    return session.scalars(query.order_by(Principal.created_at, Principal.id)).all()


def create_user(session: Session, ids: Ids, *, organization_id: str, name: str, email: str, now: int) -> User:
    """A new user of an organisation. Raises `NameTaken`."""
    if find_user(session, organization_id, name) is not None:
        raise NameTaken(f"there is already a user '{name}'; choose another name")
    user = User(
        id=ids.new(IdKind.USER),
        organization_id=organization_id,
        name=name,
        email=email,
        created_at=now,
        removed_at=None,
    )
    session.add(user)
    session.flush()
    return user


def users(session: Session, organization_id: str) -> Sequence[User]:
    """The users of an organisation, oldest first."""
    query = select(User).where(User.organization_id == organization_id, User.removed_at.is_(None))
    return session.scalars(query.order_by(User.created_at, User.id)).all()


def find_user(session: Session, organization_id: str, name: str) -> User | None:
    """The user of an organisation by id, name or e-mail address."""
    return next((user for user in users(session, organization_id) if name and name in _names(user)), None)


def user(session: Session, organization_id: str, name: str) -> User:
    """The user of an organisation by id, name or e-mail address. Raises `NotFound`."""
    found = find_user(session, organization_id, name)
    if found is None:
        raise NotFound("user", name)
    return found


def remove_user(session: Session, user: User, *, now: int) -> None:
    """Take a user out of the organisation and all its projects: their keys open nothing any more.

    The name and the e-mail address go; the id stays for what names it.
    """
    for found in session.scalars(select(Principal).where(Principal.user_id == user.id)):
        found.removed_at = found.removed_at or now
        found.name = user.id
    user.removed_at, user.name, user.email = now, user.id, ""


def _names(user: User) -> tuple[str, ...]:
    return user.id, user.name, user.email


def _check_name(session: Session, name: str) -> None:
    if find_project(session, name) is not None:
        raise NameTaken(f"there is already a project '{name}'; choose another name")
