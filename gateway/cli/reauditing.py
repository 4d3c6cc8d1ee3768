"""`reaudit`: which released models are audited again and by when, and letting one stay."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import moment, print_json, print_table
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import heads, reaudits
from gateway.store.decisions import OPERATOR


def reaudit(
    model: Annotated[str | None, typer.Argument(help="The `ft:` name; without one, list what waits.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Let a model stay whose re-audit asks for a person.")] = False,
    why: Annotated[str, typer.Option("--why", help="The reason; it is kept for ever.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List models that are audited again and by when, or let one stay whose re-audit asks for a person."""
    store = Store.open(Settings.read(os.environ))
    if keep:
        if model is None or not why.strip():
            raise typer.BadParameter("name the model, and say why", param_hint="--keep")
        with store.database.write() as session:
            reaudits.keep(session, model, why=why, actor=OPERATOR, now=store.now())
        heads.publish(store.database, store.settings.log_heads_file)
    with store.database.read() as session:
        rows = reaudits.waiting(session) if model is None else reaudits.of_model(session, model)
    if as_json:
        fields = ("model_name", "reasons", "outcome", "detail", "opened_at", "due_at", "finished_at")
        print_json([{field: getattr(row, field) for field in fields} for row in rows])
        return
    cells = [
        (row.model_name, row.outcome or "", moment(row.due_at), "; ".join(row.reasons), row.detail) for row in rows
    ]
    print_table("Re-audits", ("model", "outcome", "deadline", "because", "detail"), cells)
