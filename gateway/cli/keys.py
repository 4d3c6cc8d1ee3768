"""`keys`: bearer keys of a project, and keys of the admin API."""

import os
import secrets
from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from gateway.cli import limits
from gateway.cli.printing import complain, moment, print_json, print_table
from gateway.cli.tenancy import limits_from, named, permissions_from, record, wait_until_heard
from gateway.compose.checks import policies
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import admin_keys, keys, tenants
from gateway.store.errors import NotFound
from gateway.store.keys import KeyOptions
from gateway.store.limits import OF_KEYS, Own
from gateway.store.models import Principal, Project
from gateway.store.permissions import ROLES, Permission
from gateway.store.tenant_models import AdminKey

DEFAULT_POLICY = "default"
DAY_S = 86_400
HOUR_S = 3_600
Days = Annotated[int | None, typer.Option("--days", min=1, help="Days until the key expires; it never does without.")]
AsJson = Annotated[bool, typer.Option("--json")]


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("create")(create)
    app.command("admin")(create_admin)
    app.command("list")(listing)
    app.command("limits")(limits.of_key)
    app.command("rotate")(rotate)
    app.command("revoke")(revoke)
    return app


def create(
    project: Annotated[str, typer.Option(help="Name of the project; made with the default policy if it is new.")],
    role: Annotated[str, typer.Option(help=f"Of a service account: one of {', '.join(ROLES)}.")] = "member",
    name: Annotated[str, typer.Option(help="What will use the key.")] = "",
    user: Annotated[str, typer.Option(help="A member of the project (`tunegate users`), in place of a role.")] = "",
    permission: Annotated[
        list[str] | None, typer.Option(help=f"It may do only this; again for more. One of: {', '.join(Permission)}.")
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(metavar="NAME=N", help=f"A limit of its own; one of {', '.join(OF_KEYS)}.")
    ] = None,
    days: Days = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. It is shown once."""
    if role not in ROLES:
        raise typer.BadParameter(f"{role!r}; expected one of {', '.join(ROLES)}", param_hint="--role")
    store = Store.open(Settings.read(os.environ))
    policies(store.settings).find(DEFAULT_POLICY)
    now = store.now()
    options = KeyOptions(
        name=name,
        expires_at=None if days is None else now + days * DAY_S,
        permissions=permissions_from(permission),
        limits=Own(granted=limits_from(limit or [], of_key=True)),
    )
    with store.database.write() as session:
        if user:  # who is a member of a project already
            row = tenants.named_project(session, project)
            owner = _member(session, row, user)
        else:
            row = _project(session, store, named(project))
            owner = _account(session, store, row, name or f"{row.name} {role}", role)
        issued = keys.issue(session, store.ids, secrets.token_bytes, owner, options, now=now)
        record(session, store, "api_key.created", issued.row.id, project=row)
    if as_json:
        print_json({"key": issued.value, "id": issued.row.id, "project": row.name, "role": owner.role})
    else:
        typer.echo(issued.value)


def create_admin(
    name: Annotated[str, typer.Option(help="Who will use the key.")] = "administrator",
    days: Days = None,
    as_json: AsJson = False,
) -> None:
    """Make a key of the admin API, for the organisation of the settings. It is shown once."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        organization = tenants.ensure_organization(session, store.ids, store.settings.organization, now=store.now())
        issued = admin_keys.create(
            session,
            store.ids,
            secrets.token_bytes,
            organization_id=organization.id,
            name=name,
            now=store.now(),
            expires_at=None if days is None else store.now() + days * DAY_S,
        )
        record(session, store, "api_key.created", issued.row.id, organization_id=organization.id)
    if as_json:
        print_json({"key": issued.value, "id": issued.row.id, "organization": organization.name})
    else:
        typer.echo(issued.value)


def listing(
    project: Annotated[str | None, typer.Option(help="Name of the project; without, the admin keys.")] = None,
    as_json: AsJson = False,
) -> None:
    """List a project's keys, or the admin keys, without the secrets."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        if project is None:
            _list_admin(session, store, as_json=as_json)
            return
        found = keys.keys_of(session, tenants.named_project(session, project).id)
        owners = {row.id: keys.owner(session, row) for row in found}
    if as_json:
        fields = ("id", "name", "prefix", "principal_id", "permissions", "granted", "limits", "created_at",
                  "expires_at", "revoked_at")  # fmt: skip
        print_json([{field: getattr(row, field) for field in fields} | {"role": owners[row.id].role} for row in found])
        return
    rows = [
        (row.id, f"{row.prefix}...", owners[row.id].name, owners[row.id].role, moment(row.created_at),
         moment(row.expires_at), moment(row.revoked_at))
        for row in found
    ]  # fmt: skip
    print_table(f"Keys of {project}", ("id", "key", "whose", "role", "created", "expires", "revoked"), rows)


def rotate(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.")],
    grace_hours: Annotated[int, typer.Option(min=0, help="Hours that the old key still works for.")] = 0,
    days: Annotated[
        int | None, typer.Option(min=1, help="Days until the key expires; as long as the old one was made for without.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key in place of another, for the same person or service. It is shown once."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        value = keys.rotate(
            session,
            store.ids,
            secrets.token_bytes,
            key_id,
            now=store.now(),
            grace_s=grace_hours * HOUR_S,
            lifetime_s=None if days is None else days * DAY_S,
        )
        old = keys.found(session, key_id)
        record(session, store, "api_key.rotated", key_id, project=tenants.project(session, old.project_id))
    if as_json:
        print_json({"key": value, "replaces": key_id})
    else:
        typer.echo(value)


def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """End a key at once."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        admin = session.get(AdminKey, key_id)
        if admin is not None:
            admin.revoked_at = admin.revoked_at or store.now()
            record(session, store, "api_key.deleted", key_id, organization_id=admin.organization_id)
        else:
            row = keys.revoke(session, key_id, now=store.now())
            record(session, store, "api_key.deleted", key_id, project=tenants.project(session, row.project_id))
    wait_until_heard()
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        typer.echo(f"revoked {key_id}")


def _project(session: Session, store: Store, name: str) -> Project:
    known = tenants.find_project(session, name)
    if known is not None:
        return known
    organization = tenants.ensure_organization(session, store.ids, store.settings.organization, now=store.now())
    row = tenants.create_project(
        session,
        store.ids,
        organization_id=organization.id,
        name=name,
        policy_name=DEFAULT_POLICY,
        now=store.now(),
    )
    record(session, store, "project.created", row.id, project=row)
    complain(f"made the project {name!r} with the policy {DEFAULT_POLICY!r}")
    return row


def _member(session: Session, project: Project, user: str) -> Principal:
    found = tenants.membership(session, project.id, tenants.user(session, project.organization_id, user).id)
    if found is None:
        raise NotFound("member", user)
    return found


def _account(session: Session, store: Store, project: Project, name: str, role: str) -> Principal:
    """The service account of this name and role, made when there is none: rather than one for each of its keys."""
    for known in tenants.principals(session, project.id, users=False):
        if (known.name, known.role) == (name, role):
            return known
    account = tenants.create_principal(session, store.ids, project_id=project.id, name=name, role=role, now=store.now())
    record(session, store, "service_account.created", account.id, project=project)
    return account


def _list_admin(session: Session, store: Store, *, as_json: bool) -> None:
    found: Sequence[AdminKey] = [
        row
        for organization in tenants.organizations(session)
        for row in admin_keys.of_organization(session, organization.id)
    ]
    if as_json:
        fields = ("id", "name", "prefix", "organization_id", "created_at", "expires_at")
        print_json([{field: getattr(row, field) for field in fields} for row in found])
        return
    rows = [(row.id, f"{row.prefix}...", row.name, moment(row.created_at), moment(row.expires_at)) for row in found]
    print_table("Admin keys", ("id", "key", "whose", "created", "expires"), rows)
