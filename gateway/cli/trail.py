"""`trail`: who did what, in ids and without content."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import moment, print_json, print_table
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import tenants
from gateway.store import trail as lines

FIELDS = ("id", "at", "act", "actor_kind", "actor_id", "key_id", "organization_id", "project_id", "resource_id",
          "status", "request_id")  # fmt: skip


def trail(
    project: Annotated[str, typer.Option(help="Only acts in this project.")] = "",
    act: Annotated[list[str] | None, typer.Option(help="Only acts of this name, e.g. file.created.")] = None,
    actor: Annotated[list[str] | None, typer.Option(help="Only what this user, account or key did.")] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show who did what, newest first."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        wanted = lines.Query(
            project_ids=[tenants.named_project(session, project).id] if project else [],
            acts=act or [],
            actor_ids=actor or [],
        )
        found = lines.newest_first(session, wanted, after=None, limit=limit).rows
    if as_json:
        print_json([{field: getattr(row, field) for field in FIELDS} for row in found])
        return
    rows = [(moment(row.at), row.act, row.actor_kind, row.actor_id, row.resource_id, row.status or "") for row in found]
    print_table("Trail", ("when", "what", "who", "", "to what", "status"), rows)
