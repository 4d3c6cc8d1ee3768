"""`webhooks`: where a project hears of its jobs' ends."""

import os
import secrets
from typing import Annotated

import typer

from gateway.cli.printing import moment, print_json, print_table
from gateway.cli.tenancy import record
from gateway.compose.store import Store
from gateway.outbound import check_url
from gateway.settings import Settings
from gateway.store import tenants, webhooks

ProjectName = Annotated[str, typer.Option("--project", help="Name of the project.")]


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("add")(add)
    app.command("list")(listing)
    app.command("remove")(remove)
    return app


def add(
    url: Annotated[str, typer.Argument(help="Where to send to; https, and on the public internet.")],
    project: ProjectName,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Tell a URL of every job that ends. Prints the secret that receivers verify messages with."""
    store = Store.open(Settings.read(os.environ))
    try:
        check_url(url, allow_private=store.settings.webhooks_allow_private)
    except ValueError as exc:
        raise typer.BadParameter(str(exc), param_hint="URL") from exc
    with store.database.write() as session:
        row = tenants.named_project(session, project)
        webhook = webhooks.create(session, store.ids, secrets.token_bytes, row.id, url, now=store.now())
        record(session, store, "webhook.created", webhook.id, project=row)
    if as_json:
        print_json({"id": webhook.id, "url": url, "secret": webhook.secret})
    else:
        typer.echo(f"{webhook.id} {webhook.secret}")


def listing(project: ProjectName, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List a project's webhooks, without their secrets."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        found = webhooks.of_project(session, tenants.named_project(session, project).id)
    if as_json:
        print_json([{"id": one.id, "url": one.url, "created_at": one.created_at} for one in found])
        return
    print_table(
        f"Webhooks of {project}", ("id", "url", "created"), [(w.id, w.url, moment(w.created_at)) for w in found]
    )


def remove(
    webhook_id: Annotated[str, typer.Argument(help="Id of the webhook, as `webhooks list` shows it.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Tell a URL nothing more."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        row = webhooks.delete(session, webhook_id, now=store.now())
        record(session, store, "webhook.deleted", webhook_id, project=tenants.project(session, row.project_id))
    if as_json:
        print_json({"id": webhook_id, "deleted": True})
    else:
        typer.echo(f"removed {webhook_id}")
