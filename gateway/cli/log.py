"""`log`: the decision log, shown and verified."""

import json
import os
from typing import Annotated, Any

import typer

from gateway.cli.printing import complain, moment, print_json, print_table
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import decisions, heads
from gateway.store.records import Decision

BLOCK = 4


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("show")(show)
    app.command("verify")(verify)
    return app


def show(
    job: Annotated[str | None, typer.Option("--job", help="Only the entries about this job.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show who decided what and when, oldest first."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        log = decisions.entries(session, job)
    if as_json:
        print_json([entry_object(entry) for entry in log])
        return
    rows = [
        (entry.sequence, moment(entry.at), entry.kind, entry.actor, entry.job_id, json.dumps(entry.details))
        for entry in log
    ]
    print_table("Decisions", ("", "when", "what", "who", "job", "details"), rows)


def verify(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Check every entry, their order, and the heads that were published. Exit status 4 when something is wrong."""
    store = Store.open(Settings.read(os.environ))
    path = store.settings.log_heads_file
    published = heads.published(path)
    with store.database.read() as session:
        log = decisions.entries(session)
    flaws = decisions.flaws(log, published)
    if as_json:
        head = log[-1].hash if log else None
        print_json({"ok": not flaws, "entries": len(log), "head": head, "published": len(published), "flaws": flaws})
    else:
        for flaw in flaws:
            complain(flaw)
        state = "DOES NOT VERIFY" if flaws else "verified"
        typer.echo(f"{len(log)} entries, {len(published)} published heads in {path}: {state}")
    if flaws:
        raise typer.Exit(BLOCK)


def entry_object(entry: Decision) -> dict[str, Any]:
    """An entry with everything that its hash is over, and the hash."""
    return {field: getattr(entry, field) for field in (*decisions.FIELDS, "hash")}
