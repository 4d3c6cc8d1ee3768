"""`projects`: what isolates teams from each other, and which policy binds them."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import moment, print_json, print_table
from gateway.compose.checks import policies
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import tenants


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("create")(create)
    app.command("list")(listing)
    return app


def create(
    name: Annotated[str, typer.Argument(help="Name of the project.")],
    policy: Annotated[str, typer.Option(help="Name of its policy; see `tunegate policy list`.")] = "default",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Make a project."""
    store = Store.open(Settings.read(os.environ))
    policies(store.settings).find(policy)
    with store.database.write() as session:
        organization = tenants.ensure_organization(session, store.ids, store.settings.organization, now=store.now())
        row = tenants.create_project(
            session, store.ids, organization_id=organization.id, name=name, policy_name=policy, now=store.now()
        )
    if as_json:
        print_json({"id": row.id, "name": name, "policy": policy})
    else:
        typer.echo(f"made the project {name!r} with the policy {policy!r}")


def listing(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List the projects."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        found = tenants.projects(session)
    if as_json:
        print_json([{"id": row.id, "name": row.name, "policy": row.policy_name} for row in found])
        return
    rows = [(row.name, row.policy_name, row.id, moment(row.created_at)) for row in found]
    print_table("Projects", ("name", "policy", "id", "created"), rows)
