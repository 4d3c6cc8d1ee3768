"""`models`, `reaudit` and `revoke`: what is released, what is audited again, and what is taken away from everybody."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import moment, print_json, print_table
from gateway.compose.front import Store
from gateway.compose.standing import in_force
from gateway.reaudits import judged_by, reasons
from gateway.settings import Settings
from gateway.store import heads, reaudits, released
from gateway.store.decisions import OPERATOR
from gateway.store.models import Job


def models(
    again: Annotated[
        bool, typer.Option("--again", help="Only those decided by a policy, judge, base or bank that changed since.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List released models, and why any of them should be audited again."""
    store = Store.open(Settings.read(os.environ))
    now = in_force(store)
    with store.database.read() as session:
        known: dict[str, str] = {}
        found = [
            (model, reasons(model, judged_by(session, model, session.get_one(Job, model.job_id), known), now))
            for model in released.every(session)
        ]
    if again:
        found = [(model, why) for model, why in found if why]
    if as_json:
        fields = ("name", "job_id", "project_id", "base_name", "digest", "created_at", "held_at")
        print_json(
            [{field: getattr(row, field) for field in fields} | {"audit_again": list(why)} for row, why in found]
        )
        return
    cells = [(row.name, moment(row.created_at), moment(row.held_at), "; ".join(why)) for row, why in found]
    print_table("Released models", ("name", "released", "held since", "audit again because"), cells)


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


def revoke(
    model: Annotated[str, typer.Argument(help="The `ft:` name.")],
    why: Annotated[str, typer.Option("--why", help="The reason; it is kept for ever.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Revoke a released model: from the next request on it does not exist, on every replica."""
    if not why.strip():
        raise typer.BadParameter("say why", param_hint="--why")
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        released.revoke(session, model, why=why, actor=OPERATOR, now=store.now())
    heads.publish(store.database, store.settings.log_heads_file)
    if as_json:
        print_json({"model": model, "revoked": True})
    else:
        typer.echo(f"revoked {model}")
