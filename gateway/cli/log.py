"""`log`: the decision log, shown and verified."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from gateway.cli.printing import complain, moment, print_json, print_table
from gateway.compose.store import Store
from gateway.publishing import Publisher, file_of
from gateway.settings import Settings
from gateway.store import decisions, head_places, heads
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


def verify(
    head: Annotated[
        str, typer.Option("--head", help="File or URL of published heads to compare with, beside the usual file.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Check every entry, their order, and the heads that were published. Exit status 4 when something is wrong."""
    store = Store.open(Settings.read(os.environ))
    path = store.settings.log_heads_file
    published = heads.published(path) + _elsewhere(store.settings, head)
    with store.database.read() as session:
        log = decisions.entries(session)
        late = lagging(session)
    flaws = decisions.flaws(log, published)
    if as_json:
        newest = log[-1].hash if log else None
        print_json({"ok": not flaws, "entries": len(log), "head": newest, "published": len(published),
                    "flaws": flaws, "late": late})  # fmt: skip
    else:
        for sentence in (*flaws, *late):
            complain(sentence)
        state = "DOES NOT VERIFY" if flaws else "verified"
        where = f"{path} and {head}" if head else path
        typer.echo(f"{len(log)} entries, {len(published)} published heads in {where}: {state}")
    if flaws:
        raise typer.Exit(BLOCK)


def lagging(session: Session, *, n_failures: int = 0) -> list[str]:
    """One sentence for each address that has not the newest head after so many failures in a row."""
    return [
        f"{place.url} has the head up to entry {place.sequence}, {late} behind"
        + (f"; {place.failures} failures in a row: {place.last_error}" if place.failures else "")
        for place in head_places.every(session)
        if (late := head_places.behind(session, place)) > 0 and place.failures >= n_failures
    ]


def _elsewhere(settings: Settings, head: str) -> list[tuple[int, str]]:
    """The heads at a place of the reader's own choice. Raises `HeadsUnusable`, also when there are none."""
    if not head:
        return []
    if head.startswith(("https://", "http://")):
        # Whoever asks here chose the address; what a policy may name is checked where it is published.
        publisher = Publisher(token=settings.log_heads_token, allow_private=True)
        found = asyncio.run(publisher.fetch(head))
    else:
        found = heads.published(file_of(head) or Path(head))
    if not found:
        raise heads.HeadsUnusable(f"{head} holds no published head to compare with")
    return found


def entry_object(entry: Decision) -> dict[str, Any]:
    """An entry with everything that its hash is over, and the hash."""
    return {field: getattr(entry, field) for field in (*decisions.FIELDS, "hash")}
