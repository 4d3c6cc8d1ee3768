"""Rows to the objects of OpenAI's wire contract."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from gateway.store.models import TERMINAL, Checkpoint, Event, File, Job, JobState, Model, Review, Screening
from gateway.store.pages import Page
from gateway.store.tenant_models import Export
from gateway.store.uploads import state_of
from gateway.store.wire_models import Upload, UploadPart

STATUS: Mapping[str, str] = {
    JobState.SCREENING: "validating_files",
    JobState.SCREENING_REVIEW: "validating_files",
    JobState.INJECTING: "validating_files",
    JobState.QUEUED: "queued",
    JobState.TRAINING: "running",
    JobState.AUDITING: "running",
    JobState.RELEASE_REVIEW: "running",
    JobState.RELEASED: "succeeded",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "cancelled",
}
"""OpenAI's six, and no seventh: clients break on one."""

HYPERPARAMETERS = ("n_epochs", "batch_size", "learning_rate_multiplier")
R = TypeVar("R")


def status_of(job: Job) -> str:
    """The job's status on the wire. A job that is being cancelled says so at once."""
    if job.cancel_requested_at is not None and job.state not in TERMINAL:
        return "cancelled"
    return STATUS[job.state]


def job_object(job: Job, organization_id: str) -> dict[str, Any]:
    """A `fine_tuning.job`. Nothing that names or describes a model is in it before the release."""
    released = job.state == JobState.RELEASED
    numbers = {
        name: (job.hyperparameters or {}).get(name, job.requested_hyperparameters.get(name, "auto"))
        for name in (*HYPERPARAMETERS, "beta")
    }
    hyperparameters = {name: numbers[name] for name in HYPERPARAMETERS}
    settings = numbers if job.method == "dpo" else hyperparameters
    return {
        "object": "fine_tuning.job",
        "id": job.id,
        "model": job.model,
        "created_at": job.created_at,
        "finished_at": job.finished_at if job.state in TERMINAL else None,
        "fine_tuned_model": job.fine_tuned_model if released else None,
        "organization_id": organization_id,
        "result_files": job.result_files if released else [],
        "status": status_of(job),
        "validation_file": job.validation_file_id,
        "training_file": job.training_file_id,
        "hyperparameters": hyperparameters,
        "trained_tokens": job.trained_tokens if released else None,
        "error": _job_error(job),
        "user_provided_suffix": job.suffix,
        "seed": job.seed,
        "estimated_finish": None if job.state in TERMINAL else job.estimated_finish or None,
        "integrations": [_integration(job, asked) for asked in job.integrations or ()],
        "method": {"type": job.method, job.method: {"hyperparameters": dict(settings)}},
        "metadata": job.client_metadata,
        "usage_metrics": None,
        "shared_with_openai": False,
    }


def _job_error(job: Job) -> dict[str, Any] | None:
    """Null while the job is healthy: some clients take any object for a failure."""
    if job.state != JobState.FAILED:
        return None
    return {
        "code": job.error_code or "server_error",
        "message": job.error_message or "The job failed.",
        "param": job.error_param,
    }


def _integration(job: Job, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A job's `wandb` integration: the run at Weights & Biases bears the job's id."""
    return {**asked, "wandb": {"entity": None, **asked["wandb"], "run_id": job.id}}


def event_object(event: Event, *, strict: bool) -> dict[str, Any]:
    """A `fine_tuning.job.event`; a `strict` one has a type of OpenAI's schema, as `moderation_checks` is not."""
    return {
        "object": "fine_tuning.job.event",
        "id": event.id,
        "created_at": event.created_at,
        "level": event.level,
        "message": event.message,
        "type": "message" if strict and event.type == "moderation_checks" else event.type,
        "data": event.data,
    }


def checkpoint_object(checkpoint: Checkpoint) -> dict[str, Any]:
    """A `fine_tuning.job.checkpoint`."""
    return {
        "object": "fine_tuning.job.checkpoint",
        "id": checkpoint.id,
        "created_at": checkpoint.created_at,
        "fine_tuned_model_checkpoint": checkpoint.model_name,
        "fine_tuning_job_id": checkpoint.job_id,
        "metrics": checkpoint.metrics,
        "step_number": checkpoint.step,
    }


EVALS = "evals"
"""A purpose that a file may be made for and that no file object may name: the schema's enum lacks it."""


def file_object(file: File) -> dict[str, Any]:
    """A `file`. It is always `processed`: clients poll for that, and bad content is told on the job."""
    return {
        "object": "file",
        "id": file.id,
        "bytes": file.bytes,
        "created_at": file.created_at,
        "expires_at": file.expires_at,
        "filename": file.filename,
        "purpose": "user_data" if file.purpose == EVALS else file.purpose,
        "status": "processed",
        "status_details": None,
    }


def upload_object(upload: Upload, file: File | None, *, now: int) -> dict[str, Any]:
    """An `upload`, with its file once it is completed."""
    return {
        "object": "upload",
        "id": upload.id,
        "bytes": upload.bytes,
        "created_at": upload.created_at,
        "expires_at": upload.expires_at,
        "filename": upload.filename,
        "purpose": upload.purpose,
        "status": state_of(upload, now=now),
        "file": None if file is None else file_object(file),
    }


def part_object(part: UploadPart) -> dict[str, Any]:
    """An `upload.part`."""
    return {"object": "upload.part", "id": part.id, "created_at": part.created_at, "upload_id": part.upload_id}


def model_object(model: Model, organization_id: str) -> dict[str, Any]:
    """A released `model`."""
    return {
        "id": model.name,
        "object": "model",
        "created": model.created_at,
        "owned_by": organization_id,
        "shutdown_date": None,
    }


def base_object(name: str, admitted_at: int) -> dict[str, Any]:
    """A base `model` on the admin's list."""
    return {"id": name, "object": "model", "created": admitted_at, "owned_by": "system", "shutdown_date": None}


VALIDATION = "validation"
"""Under this name a job's report carries that of its validation file."""
SUMMARY = ("verdict", "examples", "flagged", "flagged_lines", "dropped_lines", "policy_digest", "dataset_digest")


def screening_summary(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the owner of a file needs to mend it: verdict, lines and categories, and no score to climb by."""
    if report is None:
        return None
    findings = [{name: found[name] for name in ("scope", "category", "lines")} for found in report.get("findings", ())]
    shown = {name: report[name] for name in SUMMARY if name in report} | {"findings": findings}
    if VALIDATION in report:
        shown[VALIDATION] = screening_summary(report[VALIDATION])
    return shown


def screening_object(screening: Screening, *, details: bool) -> dict[str, Any]:
    """Our own `screening`: with details `report` is what `tunegate screen --json` prints."""
    return {
        "object": "screening",
        "id": screening.id,
        "file_id": screening.file_id,
        "status": screening.status,
        "policy_digest": screening.policy_digest,
        "report": screening.report if details else screening_summary(screening.report),
        "error": screening.error,
        "created_at": screening.created_at,
        "finished_at": screening.finished_at,
    }


def export_object(export: Export) -> dict[str, Any]:
    """Our own `model.export`."""
    return {
        "object": "model.export",
        "id": export.id,
        "model": export.model_name,
        "status": export.status,
        "error": export.error,
        "reason": export.reason,
        "bytes": export.bytes,
        "sha256": export.sha256,
        "created_at": export.created_at,
        "finished_at": export.finished_at,
        "expires_at": export.expires_at,
    }


def review_object(review: Review, *, n_answers: int) -> dict[str, Any]:
    """Our own `fine_tuning.job.review`: a question and its answer."""
    return {
        "object": "fine_tuning.job.review",
        "id": review.id,
        "job_id": review.job_id,
        "stage": review.stage,
        "reasons": review.reasons,
        "reviewers_needed": review.n_needed,
        "reviewers_answered": n_answers,
        "against_rule": review.against_rule,
        "opened_at": review.opened_at,
        "expires_at": review.expires_at,
        "decision": review.decision,
        "reason": review.reason,
        "decided_by": review.principal_id,
        "decided_at": review.decided_at,
    }


def listed(page: Page[R], to_object: Callable[[R], dict[str, Any]], *, ends: bool) -> dict[str, Any]:
    """A `list`; with `ends` it also names the first and last object, as some resources do."""
    data: Sequence[dict[str, Any]] = [to_object(row) for row in page.rows]
    body: dict[str, Any] = {"object": "list", "data": data, "has_more": page.has_more}
    if ends:
        body["first_id"] = data[0]["id"] if data else None
        body["last_id"] = data[-1]["id"] if data else None
    return body
