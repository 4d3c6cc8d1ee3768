"""`users`: people, and what they may do in which project."""

import os
from typing import Annotated

import typer
from sqlalchemy import select

from gateway.cli.printing import moment, print_json, print_table
from gateway.cli.tenancy import named, record, wait_until_heard
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import tenants
from gateway.store.errors import NotFound
from gateway.store.models import Principal, Project
from gateway.store.permissions import ROLES

AsJson = Annotated[bool, typer.Option("--json")]
Who = Annotated[str, typer.Argument(help="Name, e-mail address or id of the user.")]


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("create")(create)
    app.command("list")(listing)
    app.command("add")(add)
    app.command("remove")(remove)
    return app


def create(
    name: Annotated[str, typer.Argument(help="Name of the person.")],
    email: Annotated[str, typer.Option(help="Address, for the lists only; nothing is sent.")] = "",
    as_json: AsJson = False,
) -> None:
    """Add a person to the organisation of the settings."""
    name = named(name)
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        organization = tenants.ensure_organization(session, store.ids, store.settings.organization, now=store.now())
        user = tenants.create_user(
            session, store.ids, organization_id=organization.id, name=name, email=email, now=store.now()
        )
        record(session, store, "user.added", user.id, organization_id=organization.id)
    if as_json:
        print_json({"id": user.id, "name": name})
    else:
        typer.echo(f"added {name} ({user.id})")


def listing(as_json: AsJson = False) -> None:
    """List people with their roles in projects."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        found = [user for one in tenants.organizations(session) for user in tenants.users(session, one.id)]
        query = select(Principal, Project.name).join(Project).where(Principal.removed_at.is_(None))
        roles: dict[str | None, dict[str, str]] = {}
        for principal, project in session.execute(query):
            roles.setdefault(principal.user_id, {})[project] = principal.role
    if as_json:
        fields = ("id", "name", "email", "organization_id", "created_at")
        print_json([{field: getattr(user, field) for field in fields} | {"roles": roles.get(user.id, {})}
                    for user in found])  # fmt: skip
        return
    rows = [
        (user.name, user.email, ", ".join(f"{project}: {role}" for project, role in roles.get(user.id, {}).items()),
         user.id, moment(user.created_at))
        for user in found
    ]  # fmt: skip
    print_table("Users", ("name", "e-mail", "roles", "id", "added"), rows)


def add(
    user: Who,
    project: Annotated[str, typer.Option(help="Name of the project.")],
    role: Annotated[str, typer.Option(help=f"One of: {', '.join(ROLES)}.")] = "member",
    as_json: AsJson = False,
) -> None:
    """Make a person a member of a project, or give them another role there."""
    if role not in ROLES:
        raise typer.BadParameter(f"{role!r}; expected one of {', '.join(ROLES)}", param_hint="--role")
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        row = tenants.named_project(session, project)
        who = tenants.user(session, row.organization_id, user)
        tenants.add_member(session, store.ids, who, project_id=row.id, role=role, now=store.now())
        record(session, store, "user.updated", who.id, project=row)
    if as_json:
        print_json({"id": who.id, "project": project, "role": role})
    else:
        typer.echo(f"{who.name} is {role} of {project}")


def remove(
    user: Who,
    project: Annotated[str, typer.Option(help="Name of the project; without one, of all and of the list.")] = "",
    as_json: AsJson = False,
) -> None:
    """Take a person out of a project, or out of everything: their keys of it open nothing any more."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        if project:
            row = tenants.named_project(session, project)
            who = tenants.user(session, row.organization_id, user)
            member = tenants.membership(session, row.id, who.id)
            if member is None:
                raise NotFound("member", user)
            member.removed_at = store.now()
            record(session, store, "user.deleted", who.id, project=row)
        else:
            organization = tenants.ensure_organization(session, store.ids, store.settings.organization, now=store.now())
            who = tenants.user(session, organization.id, user)
            tenants.remove_user(session, who, now=store.now())
            record(session, store, "user.deleted", who.id, organization_id=organization.id)
    wait_until_heard()
    if as_json:
        print_json({"id": who.id, "removed": True})
    else:
        typer.echo(f"removed {user}")
