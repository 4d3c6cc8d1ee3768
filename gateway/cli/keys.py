"""`keys`: bearer keys of a project."""

import os
import secrets
from typing import Annotated

import typer

from gateway.cli.printing import complain, moment, print_json, print_table
from gateway.compose.front import Store, policies
from gateway.settings import Settings
from gateway.store import keys, tenants
from gateway.store.errors import NotFound
from gateway.store.tenants import ROLES

DEFAULT_POLICY = "default"


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(help="Keys of a project's people and services.", no_args_is_help=True)
    app.command("create")(create)
    app.command("list")(listing)
    app.command("revoke")(revoke)
    return app


def create(
    project: Annotated[str, typer.Option(help="Name of the project; made with the default policy if it is new.")],
    role: Annotated[str, typer.Option(help=f"One of: {', '.join(ROLES)}.")] = "member",
    name: Annotated[str, typer.Option(help="Who will use the key.")] = "",
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
        key = keys.create(session, store.ids, secrets.token_bytes, principal, now=store.now())
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
        fields = ("id", "prefix", "principal_id", "created_at", "revoked_at")
        print_json([{field: getattr(key, field) for field in fields} for key in found])
        return
    rows = [(key.id, f"{key.prefix}...", moment(key.created_at), moment(key.revoked_at)) for key in found]
    print_table(f"Keys of {project}", ("id", "key", "created", "revoked"), rows)


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
