"""`keys`: bearer keys of a project."""

import os
import secrets
from typing import Annotated

import typer

from gateway.cli.printing import complain, moment, print_json, print_table
from gateway.compose.checks import policies
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import keys, tenants
from gateway.store.errors import NotFound
from gateway.store.tenants import ROLES

DEFAULT_POLICY = "default"
DAY_S = 86_400
HOUR_S = 3_600
Days = Annotated[int | None, typer.Option("--days", min=1, help="Days until the key expires; it never does without.")]


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("create")(create)
    app.command("list")(listing)
    app.command("rotate")(rotate)
    app.command("revoke")(revoke)
    return app


def create(
    project: Annotated[str, typer.Option(help="Name of the project; made with the default policy if it is new.")],
    role: Annotated[str, typer.Option(help=f"One of: {', '.join(ROLES)}.")] = "member",
    name: Annotated[str, typer.Option(help="Who will use the key.")] = "",
    days: Days = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Make a key. It is shown once."""
    if role not in ROLES:
        raise typer.BadParameter(f"{role!r}; expected one of {', '.join(ROLES)}", param_hint="--role")
    store = Store.open(Settings.read(os.environ))
    policies(store.settings).find(DEFAULT_POLICY)
    with store.database.write() as session:
        row = tenants.find_project(session, project)
        if row is None:
            organization = tenants.ensure_organization(session, store.ids, store.settings.organization, now=store.now())
            row = tenants.create_project(
                session,
                store.ids,
                organization_id=organization.id,
                name=project,
                policy_name=DEFAULT_POLICY,
                now=store.now(),
            )
            complain(f"made the project {project!r} with the policy {DEFAULT_POLICY!r}")
        principal = tenants.create_principal(
            session, store.ids, project_id=row.id, name=name or f"{project} {role}", role=role, now=store.now()
        )
        expires_at = None if days is None else store.now() + days * DAY_S
        key = keys.create(session, store.ids, secrets.token_bytes, principal, now=store.now(), expires_at=expires_at)
    if as_json:
        print_json({"key": key, "project": project, "role": role})
    else:
        typer.echo(key)


def listing(
    project: Annotated[str, typer.Option(help="Name of the project.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List a project's keys, without the secrets."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        row = tenants.find_project(session, project)
        if row is None:
            raise NotFound("project", project)
        found = keys.keys_of(session, row.id)
    if as_json:
        fields = ("id", "prefix", "principal_id", "created_at", "expires_at", "revoked_at")
        print_json([{field: getattr(key, field) for field in fields} for key in found])
        return
    rows = [
        (key.id, f"{key.prefix}...", moment(key.created_at), moment(key.expires_at), moment(key.revoked_at))
        for key in found
    ]
    print_table(f"Keys of {project}", ("id", "key", "created", "expires", "revoked"), rows)


def rotate(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.")],
    grace_hours: Annotated[int, typer.Option(min=0, help="Hours that the old key still works for.")] = 0,
    days: Days = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Make a key in place of another, for the same person or service. It is shown once."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        key = keys.rotate(
            session,
            store.ids,
            secrets.token_bytes,
            key_id,
            now=store.now(),
            grace_s=grace_hours * HOUR_S,
            lifetime_s=None if days is None else days * DAY_S,
        )
    if as_json:
        print_json({"key": key, "replaces": key_id})
    else:
        typer.echo(key)


def revoke(
    key_id: Annotated[str, typer.Argument(help="Id of the key, as `keys list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """End a key at once."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        keys.revoke(session, key_id, now=store.now())
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        typer.echo(f"revoked {key_id}")
