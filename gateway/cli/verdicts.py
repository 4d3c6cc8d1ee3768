"""`contest` and `release`: another look at a model that was withheld."""

import os
from typing import Annotated

import typer

from gateway.cli.printing import print_json
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store import heads, jobs, policies, reopenings, reviews
from gateway.store.models import Job

Why = Annotated[str, typer.Option("--why", help="The reason; it is kept for ever.")]


def contest(
    job_id: Annotated[str, typer.Argument(help="Id of a job that failed as unsafe_model or safety_evaluation_error.")],
    why: Why,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Contest a verdict for its owner, once: a new job audits the model with fresh prompts, for another reviewer.

    Where the audit could not be completed, a new job makes it again, as often as it takes.
    """
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        job = jobs.find(session, job_id)
        again = reopenings.contest(session, store.ids, job, reason=why, by=reviews.OPERATOR, now=store.now())
    _tell(store, again, as_json=as_json)


def release(
    job_id: Annotated[str, typer.Argument(help="Id of a job that failed as unsafe_model.")],
    why: Why,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Force the release of a withheld model: a new job releases it, named as forced for ever."""
    store = Store.open(Settings.read(os.environ))
    with store.database.write() as session:
        job = jobs.find(session, job_id)
        again = reopenings.force(
            session,
            store.ids,
            job,
            reason=why,
            by=reviews.OPERATOR,
            n_needed=policies.reviewers(session, job.policy_digest),
            now=store.now(),
        )
    _tell(store, again, as_json=as_json)


def _tell(store: Store, again: Job, *, as_json: bool) -> None:
    heads.publish(store.database, store.settings.log_heads_file)
    if as_json:
        print_json({"job": again.id})
    else:
        typer.echo(f"{again.id} looks at the model again")
