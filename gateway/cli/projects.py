"""`projects`: what isolates teams from each other, which policy binds them, and what they may use."""

import os
from typing import Annotated

import typer

from gateway.cli import limits
from gateway.cli.printing import moment, print_json, print_table
from gateway.cli.tenancy import named, record, wait_until_heard
from gateway.compose.checks import policies
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import erasing, heads, tenants
from gateway.store.decisions import OPERATOR

AsJson = Annotated[bool, typer.Option("--json")]
Name = Annotated[str, typer.Argument(help="Name of the project.")]


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("create")(create)
    app.command("list")(listing)
    app.command("policy")(policy)
    app.command("limits")(limits.of_project)
    app.command("archive")(archive)
    app.command("erase")(erase)
    return app


def create(
    name: Name,
    policy: Annotated[str, typer.Option(help="Name of its policy; see `tunegate policy list`.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Make a project."""
    name = named(name)
    store = Store.open(Settings.read(os.environ))
    policies(store.settings).find(policy)
    with store.database.write() as session:
        organization = tenants.ensure_organization(session, store.ids, store.settings.organization, now=store.now())
        row = tenants.create_project(
            session, store.ids, organization_id=organization.id, name=name, policy_name=policy, now=store.now()
        )
        record(session, store, "project.created", row.id, project=row)
    if as_json:
        print_json({"id": row.id, "name": name, "policy": policy})
    else:
        typer.echo(f"made the project {name!r} with the policy {policy!r}")


def listing(as_json: AsJson = False) -> None:
    """List the projects."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        found = tenants.projects(session)
    if as_json:
        fields = ("id", "name", "granted", "limits", "archived_at", "erased_at")
        print_json([{field: getattr(row, field) for field in fields} | {"policy": row.policy_name} for row in found])
        return
    rows = [(row.name, row.policy_name, row.id, moment(row.created_at), moment(row.archived_at)) for row in found]
    print_table("Projects", ("name", "policy", "id", "created", "archived"), rows)


def policy(
    name: Name,
    policy: Annotated[str, typer.Argument(help="Name of its policy from now on; see `tunegate policy list`.")],
    as_json: AsJson = False,
) -> None:
    """Bind a project to another policy: for jobs that are created from now on."""
    store = Store.open(Settings.read(os.environ))
    policies(store.settings).find(policy)
    with store.database.write() as session:
        row = tenants.named_project(session, name)
        row.policy_name = policy
        record(session, store, "project.updated", row.id, project=row)
    wait_until_heard()
    if as_json:
        print_json({"id": row.id, "name": name, "policy": policy})
    else:
        typer.echo(f"jobs of {name!r} fall under the policy {policy!r} from now on")


def archive(name: Name, as_json: AsJson = False) -> None:
    """Close a project: when this returns its keys open nothing. Its objects stay."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        row = tenants.named_project(session, name)
        tenants.archive_project(row, now=store.now())
        record(session, store, "project.archived", row.id, project=row)
    wait_until_heard()
    if as_json:
        print_json({"id": row.id, "archived_at": row.archived_at})
    else:
        typer.echo(f"archived {name}")


def erase(
    name: Name,
    confirm: Annotated[str, typer.Option("--confirm", help="The project's name once more: nothing comes back.")],
    as_json: AsJson = False,
) -> None:
    """Delete everything of a project for ever. The decision log and the trail keep ids and digests."""
    if confirm != name:
        raise typer.BadParameter(f"{confirm!r} is not {name!r}, the project to erase", param_hint="--confirm")
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        row = tenants.named_project(session, name)
        erasing.close(session, row, actor=OPERATOR, now=store.now())
        record(session, store, "project.archived", row.id, project=row)
    heads.publish(store.database, store.settings.log_heads_file)
    with store.database.write() as session:
        erasing.erase_rows(session, tenants.project(session, row.id), now=store.now())
        record(session, store, "project.deleted", row.id, project=row)
    store.blobs.delete_tree(erasing.blob_prefix(row.id))
    if as_json:
        print_json({"id": row.id, "erased": True})
    else:
        typer.echo(f"erased {name} ({row.id})")
