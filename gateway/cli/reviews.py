"""`review`: what waits for a person, and the answer."""

import os
from typing import Annotated

import typer
from sqlalchemy import select

from gateway.cli.printing import moment, print_json, print_table
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import heads, jobs, reviews
from gateway.store.models import Review


def review(
    job_id: Annotated[str | None, typer.Argument(help="Id of the job; without one, list what waits.")] = None,
    decision: Annotated[
        str | None, typer.Option(help="accept or reject (a file); release or withhold (a model).")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why; it is kept for ever.")] = "",
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List open reviews, or answer the one of a job."""
    store = Store.open(Settings.read(os.environ))
    if job_id is None:
        _list(store, as_json=as_json)
        return
    if decision is None or not reason:
        raise typer.BadParameter("give both --decision and --reason")
    with store.database.write() as session:
        row = reviews.answer(
            session,
            jobs.find(session, job_id),
            decision=decision,
            reason=reason,
            by=reviews.OPERATOR,
            now=store.now(),
        )
    heads.publish(store.database, store.settings.log_heads_file)
    if as_json:
        print_json({"job": job_id, "stage": row.stage, "decision": row.decision, "reviewers_needed": row.n_needed})
    else:
        waits = f"noted; {row.n_needed} people must agree, so it still waits for another reviewer"
        typer.echo(f"{job_id}: {row.decision or waits}")


def _list(store: Store, *, as_json: bool) -> None:
    with store.database.read() as session:
        query = select(Review).where(Review.decision.is_(None), Review.expires_at > store.now())
        waiting = session.scalars(query.order_by(Review.opened_at)).all()
    if as_json:
        fields = ("job_id", "stage", "reasons", "opened_at", "expires_at", "n_needed", "against_rule")
        print_json([{field: getattr(row, field) for field in fields} for row in waiting])
        return
    rows = [(row.job_id, row.stage, moment(row.expires_at), "; ".join(row.reasons)) for row in waiting]
    print_table("Open reviews", ("job", "stage", "refused after", "reasons"), rows)
