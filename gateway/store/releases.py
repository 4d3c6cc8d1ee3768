"""The one transaction in which a held model becomes a released one, and gets its name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store import decisions, events, files, jobs, webhooks
from gateway.store.blobs import BlobInfo
from gateway.store.decisions import DecisionKind
from gateway.store.ids import IdKind, derived
from gateway.store.models import Checkpoint, Event, Job, JobState, Model

RESULT_FILE = "step_metrics.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A model that the audit, or a reviewer, lets out. Its files are in the blob store already."""

    artefact_key: str
    digest: str
    base_name: str
    base_digest: str
    tuning: str
    attestation: Mapping[str, Any]
    trained_tokens: int
    result_file_id: str
    result_blob: BlobInfo
    checks: Mapping[str, Any]
    """`data` of the `moderation_checks` event."""
    verdict: str
    """Its message."""
    last_step: Mapping[str, Any]
    """Numbers of the last training step; empty when a backend tells none."""


def release(session: Session, job_id: str, what: Release, mint: Callable[[], str], *, now: int) -> Job:
    """Mint the name, register model and result file, write the last events, and end the job as released.

    Nothing of it is visible before the transaction commits, and all of it after. Only the final
    weights were audited, so they are the one checkpoint that is listed, under the model's own name:
    it is revoked with the model, and a guessed `:ckpt-step-N` name is a model that does not exist.
    Raises `JobEnded` or `CancelRequested`: a
    client that was told of a cancellation never finds a model.
    """
    job = jobs.going_on(session, job_id)
    name = mint()
    session.add(
        Model(
            name=name,
            project_id=job.project_id,
            job_id=job.id,
            step=None,
            artefact_key=what.artefact_key,
            digest=what.digest,
            base_name=what.base_name,
            base_digest=what.base_digest,
            tuning=what.tuning,
            attestation=dict(what.attestation),
            created_at=now,
        )
    )
    if what.last_step:
        session.add(
            Checkpoint(
                id=derived(IdKind.CHECKPOINT, job.id, "final"),
                project_id=job.project_id,
                job_id=job.id,
                model_name=name,
                step=what.last_step["step"],
                metrics={key: value for key, value in what.last_step.items() if key != "total_steps"},
                created_at=now,
            )
        )
    files.insert(
        session,
        id=what.result_file_id,
        project_id=job.project_id,
        filename=RESULT_FILE,
        purpose="fine-tune-results",
        blob=what.result_blob,
        now=now,
    )
    job.state = JobState.RELEASED
    job.fine_tuned_model = name
    job.result_files = [what.result_file_id]
    job.trained_tokens = what.trained_tokens
    job.finished_at = now
    job.estimated_finish = None
    checks(session, job, what.verdict, what.checks, level="info", now=now)
    events.add(session, job, "model_created", f"New fine-tuned model created: {name}", now=now)
    events.add(session, job, "completed", "The job has successfully completed", now=now)
    details = {key: value for key, value in what.attestation.items() if key != "files"}
    decisions.of_job(session, job, DecisionKind.RELEASE, {"model": name, **details}, now=now)
    webhooks.announce(session, job, now=now)
    return job


def withhold(
    session: Session,
    job_id: str,
    *,
    message: str,
    checks_data: Mapping[str, Any],
    verdict: str,
    details: Mapping[str, Any],
    now: int,
) -> Job:
    """End a job whose model stays held for ever, and say which arms and categories failed.

    `details` go into the decision log.
    """
    job = jobs.going_on(session, job_id)
    decisions.of_job(session, job, DecisionKind.WITHHOLD, details, now=now)
    checks(session, job, verdict, checks_data, level="error", now=now)
    return jobs.fail(session, job_id, code="unsafe_model", message=message, param=None, now=now)


def checks(session: Session, job: Job, verdict: str, data: Mapping[str, Any], *, level: str, now: int) -> None:
    """The event that tells what the safety evaluation found."""
    events.add(session, job, "moderation_checks", verdict, now=now, level=level, type="moderation_checks", data=data)


def metrics_of(session: Session, job_id: str, kind: str = "metrics") -> Sequence[Mapping[str, Any]]:
    """The numbers of every training step that was told in events of a kind, ascending."""
    query = select(Event.data).where(Event.job_id == job_id, Event.kind == kind).order_by(Event.step)
    return [data for data in session.scalars(query) if data is not None]
