"""Attempts at models that failed their audit: which was made of which, and what the lineage has spent."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store import decisions, events, jobs, lineages
from gateway.store.decisions import DecisionKind
from gateway.store.models import JobState
from gateway.store.records import Remedy

SCALE = "scale"
"""The kind that is made of the model that failed; the others train from the base again."""


def every(session: Session, job_id: str) -> Sequence[Remedy]:
    """The remedies of a job, oldest first."""
    return session.scalars(select(Remedy).where(Remedy.job_id == job_id).order_by(Remedy.number)).all()


def begin(session: Session, job_id: str, kind: str, failed_digest: str, *, now: int) -> Remedy:
    """Write down that a remedy is tried on a model that failed; twice is once. Raises as `jobs.going_on`."""
    job = jobs.enter(session, job_id, JobState.TRAINING)
    known = every(session, job_id)
    for row in known:
        if (row.kind, row.failed_digest) == (kind, failed_digest):
            return row
    row = Remedy(
        job_id=job_id, number=len(known) + 1, kind=kind, failed_digest=failed_digest, failed_audit=job.audit or {},
        made_digest=None, detail="", started_at=now, finished_at=None,
    )  # fmt: skip
    session.add(row)
    message = f"The model did not pass the safety evaluation; as the policy asks, a remedy is tried: {kind}"
    events.add(session, job, "remedy", message, now=now, step=row.number, level="warn")
    return row


def finish(
    session: Session, row: Remedy, made_digest: str | None, detail: str, *, audit_digest: str, now: int
) -> Remedy:
    """Write down what came of a remedy. A model that was made is audited, on the lineage's next share of error."""
    job = jobs.going_on(session, row.job_id)
    row = session.get_one(Remedy, (row.job_id, row.number))
    if row.finished_at is not None:
        return row
    row.made_digest, row.detail, row.finished_at = made_digest, detail, now
    if made_digest is not None:
        session.flush()
        job.audit = None
        job.attempt = lineages.spent(session, job)
    details: Mapping[str, Any] = {
        "remedy": row.kind, "detail": detail, "failed_digest": row.failed_digest, "failed_audit_digest": audit_digest,
        "made_digest": made_digest, "attempt": job.attempt,
    }  # fmt: skip
    decisions.of_job(session, job, DecisionKind.REMEDY, details, now=now, key=str(row.number))
    message = f"Remedy {row.number}: {detail}"
    events.add(session, job, "remedied", message, now=now, step=row.number)
    return row


def number_of(session: Session, job_id: str, digest: str) -> int:
    """Which remedy of the job made a candidate; 0 for what its training made."""
    found = select(func.max(Remedy.number)).where(Remedy.job_id == job_id, Remedy.made_digest == digest)
    return session.scalar(found) or 0


def metrics_kind(number: int) -> str:
    """Kind of the events of the run that a remedy made; 0 is the job's own."""
    return f"metrics_{number}" if number else "metrics"


def run_of(session: Session, job_id: str, digest: str) -> int:
    """The remedy whose training run a candidate's weights come from; 0 for the job's own run."""
    return next((row.number for row in ancestry(session, job_id, digest) if row.kind != SCALE), 0)


def ancestry(session: Session, job_id: str, digest: str) -> Sequence[Remedy]:
    """The remedies that a candidate is made of, the first one first; none for what training made."""
    rows = {row.made_digest: row for row in every(session, job_id) if row.made_digest is not None}
    found: list[Remedy] = []
    while digest in rows:
        found.insert(0, rows[digest])
        if rows[digest].kind != SCALE:
            break
        digest = rows[digest].failed_digest
    return found
