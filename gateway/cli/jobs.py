"""`jobs`: what an operator sees of every project's jobs, held models included."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select

from deploy.decision import decide
from evaluators.replies import DirectoryReplies
from evaluators.report.documents import report_from_json
from evaluators.report.examples import worst
from gateway.cli.auditing import write_report
from gateway.cli.printing import moment, print_fields, print_json, print_table
from gateway.compose import asked
from gateway.compose.auditing import Audited
from gateway.compose.store import Store
from gateway.policy import parse
from gateway.settings import Settings
from gateway.store import events, jobs
from gateway.store.models import Event, Job, PolicyVersion, Project

FIELDS = ("id", "project_id", "state", "model", "policy_digest", "attempt", "error_code", "error_message",
          "fine_tuned_model", "created_at", "finished_at")  # fmt: skip


def commands() -> typer.Typer:
    """The commands of this group."""
    app = typer.Typer(no_args_is_help=True)
    app.command("list")(listing)
    app.command("show")(show)
    app.command("report")(report)
    return app


def listing(
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List jobs, newest first."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        query = select(Job, Project.name).join(Project, Project.id == Job.project_id)
        found = session.execute(query.order_by(Job.sequence.desc()).limit(limit)).all()
    if as_json:
        print_json([_fields(job) | {"project": name} for job, name in found])
        return
    rows = [
        (job.id, name, job.state, job.error_code, job.fine_tuned_model, moment(job.created_at)) for job, name in found
    ]
    print_table("Jobs", ("id", "project", "state", "error", "model", "created"), rows)


def show(
    job_id: Annotated[str, typer.Argument(help="Id of the job.")],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show one job with its log, its screening and its audit."""
    store = Store.open(Settings.read(os.environ))
    with store.database.read() as session:
        job = jobs.find(session, job_id)
        log = events.all_of(session, job)
    if as_json:
        print_json(
            _fields(job) | {"events": [_event(event) for event in log], "screening": job.screening, "audit": job.audit}
        )
        return
    print_fields(_fields(job))
    told = [event for event in log if event.type != "metrics"]
    print_table("Log", ("when", "level", "message"), [(moment(e.created_at), e.level, e.message) for e in told])


def report(
    job_id: Annotated[str, typer.Argument(help="Id of a job that was audited.")],
    out: Annotated[Path, typer.Option(help="Directory for report.json, report.html and plots.", file_okay=False)],
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Write the report of a job's audit, with the worst replies where this machine keeps them."""
    settings = Settings.read(os.environ)
    store = Store.open(settings)
    with store.database.read() as session:
        job = jobs.find(session, job_id)
        pinned = session.get_one(PolicyVersion, job.policy_digest)
    if job.audit is None:
        raise typer.BadParameter(f"{job_id} has no audit: it is {job.state}", param_hint="JOB_ID")
    read, policy = report_from_json(job.audit), parse(pinned.name, pinned.document)
    examples = worst(read, asked.corpus(read.corpus, settings.home), DirectoryReplies(settings.home / "replies"))
    out.mkdir(parents=True, exist_ok=True)
    found = Audited(report=read, decision=decide(read, policy.release), screened=None)
    became = f"released as {job.fine_tuned_model}" if job.fine_tuned_model else job.state.replace("_", " ")
    write_report(out, f"{job_id}, {became}", found, policy.audit, examples)
    if as_json:
        print_json({"job": job_id, "html": str(out / "report.html"), "examples": len(examples)})
    else:
        typer.echo(f"wrote {out / 'report.html'}, with {len(examples)} replies")


def _fields(job: Job) -> dict[str, Any]:
    return {field: getattr(job, field) for field in FIELDS}


def _event(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in ("id", "kind", "step", "level", "type", "message", "created_at")}
