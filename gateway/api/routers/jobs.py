"""`/v1/fine_tuning/jobs`."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from gateway.api.auth import Here, Who
from gateway.api.errors import model_not_found
from gateway.api.limits import check_queue
from gateway.api.observing import note
from gateway.api.replays import sending
from gateway.api.schemas import MAX_SEED, JobRequest
from gateway.api.services import Services
from gateway.api.translate import checkpoint_object, event_object, job_object, listed
from gateway.api.wire import Body, check, json_response
from gateway.errors import ApiError
from gateway.reporting import WANDB, wandb_mode
from gateway.store import events, files, job_queries, policies, released
from gateway.store.errors import NotFound
from gateway.store.job_queries import MetadataFilter, NewJob
from gateway.store.keys import Caller
from gateway.store.models import File, Job
from trainers.types import Defence, Method

router = APIRouter(prefix="/v1/fine_tuning/jobs")
METHODS = ("supervised", "dpo")
Limit = Annotated[int, Query(ge=1, le=10_000)]


@router.post("")
def create(request: Request, services: Here, caller: Who, body: Body) -> Response:
    """Write a job; a worker takes it from there. The data is judged on the job, never here."""
    asked = check(JobRequest, body)
    method = asked.method.type if asked.method else "supervised"
    now = services.now()
    again = sending(request, caller, body, arrived=now)
    digest, document = services.policies.for_project(caller.policy_name)
    _check_method(method, document)
    with services.database.write() as session:
        if asked.model not in services.bases and released.find(session, caller.project_id, asked.model) is None:
            raise model_not_found(asked.model)
        job = job_queries.replayed(session, caller.project_id, again)
        if job is not None:
            return json_response(job_object(job, caller.organization_id))
        training = _file(session, caller, asked.training_file, "training_file", now)
        validation = asked.validation_file
        new = NewJob(
            project_id=caller.project_id,
            principal_id=caller.principal_id,
            model=asked.model,
            training_file=training,
            validation_file=_file(session, caller, validation, "validation_file", now) if validation else None,
            suffix=asked.suffix,
            seed=services.ids.integer(MAX_SEED + 1) if asked.seed is None else asked.seed,
            method=method,
            hyperparameters=asked.resolved_hyperparameters(),
            metadata=asked.metadata,
            integrations=_integrations(asked),
            policy_digest=digest,
            sending=again,
        )
        check_queue(session, services, caller)
        policies.pin(session, digest=digest, name=caller.policy_name, document=document, now=now)
        job = job_queries.create(session, services.ids, new, now=now)
        if wandb_mode(services.settings.plugin_config(WANDB)) == "off":
            _say_what_is_not_done(session, job, now)
        note(request, file_id=training.id, object_id=job.id, under=training.id)
    return json_response(job_object(job, caller.organization_id))


@router.get("")
def list_jobs(request: Request, services: Here, caller: Who, after: str | None = None, limit: Limit = 20) -> Response:
    """The project's jobs, newest first."""
    with services.database.read() as session:
        page = job_queries.newest_first(
            session, caller.project_id, after=after, limit=limit, metadata=_metadata_filter(request)
        )
    return json_response(listed(page, lambda job: job_object(job, caller.organization_id), ends=False))


@router.get("/{job_id}")
def retrieve(job_id: str, services: Here, caller: Who) -> Response:
    """One job."""
    return json_response(job_object(_job(services, caller, job_id), caller.organization_id))


@router.post("/{job_id}/cancel")
def cancel(job_id: str, services: Here, caller: Who) -> Response:
    """Stop a job. The body is not looked at; a job that has ended is a 400."""
    with services.database.write() as session:
        job = job_queries.request_cancel(session, caller.project_id, job_id, now=services.now())
    return json_response(job_object(job, caller.organization_id))


@router.post("/{job_id}/pause")
@router.post("/{job_id}/resume")
def pause(job_id: str, services: Here, caller: Who) -> Response:
    """Refused: a paused job would have to hand out a model that was not audited."""
    _job(services, caller, job_id)
    raise ApiError(400, "Jobs cannot be paused or resumed on this gateway; cancel the job and create it again.")


@router.get("/{job_id}/events")
def list_events(job_id: str, services: Here, caller: Who, after: str | None = None, limit: Limit = 20) -> Response:
    """The job's log, newest first."""
    with services.database.read() as session:
        job = job_queries.get(session, caller.project_id, job_id)
        page = events.newest_first(session, job, after=after, limit=limit)
    strict = services.settings.strict_event_types
    return json_response(listed(page, lambda event: event_object(event, strict=strict), ends=False))


@router.get("/{job_id}/checkpoints")
def list_checkpoints(job_id: str, services: Here, caller: Who, after: str | None = None, limit: Limit = 10) -> Response:
    """Checkpoints that were audited and released; there are none before."""
    with services.database.read() as session:
        job = job_queries.get(session, caller.project_id, job_id)
        page = released.checkpoints(session, job, after=after, limit=limit)
    return json_response(listed(page, checkpoint_object, ends=True))


def _job(services: Services, caller: Caller, job_id: str) -> Job:
    with services.database.read() as session:
        return job_queries.get(session, caller.project_id, job_id)


def _check_method(method: str, policy: Mapping[str, Any]) -> None:
    """Refuse what nothing here trains with, and what would switch a defence of the project's policy off."""
    if method not in METHODS:
        message = f"The method '{method}' is not yet supported by this gateway; use 'supervised' or 'dpo'."
        raise ApiError(400, message, param="method", code="unsupported_value")
    defence = policy.get("training", {}).get("defence", Defence.NONE)
    if method == Method.DPO and defence != Defence.NONE:
        message = (
            f"The project's policy trains under the defence '{defence}', which is for 'supervised' jobs only; use that "
            "method, or ask the operator for another policy."
        )
        raise ApiError(400, message, param="method", code="unsupported_value")


def _file(session: Session, caller: Caller, file_id: str, param: str, now: int) -> File:
    """A file that may be trained on. Another project's is as one that never was."""
    try:
        file = files.get(session, caller.project_id, file_id, now=now)
    except NotFound as exc:
        raise ApiError(404, f"No such File object: {file_id}", param=param) from exc
    if file.purpose != "fine-tune":
        message = f"File '{file_id}' has the purpose '{file.purpose}'; upload it with the purpose 'fine-tune'."
        raise ApiError(400, message, param=param)
    return file


def _integrations(asked: JobRequest) -> list[dict[str, Any]] | None:
    return [item.model_dump(exclude_none=True) for item in asked.integrations] if asked.integrations else None


def _say_what_is_not_done(session: Session, job: Job, now: int) -> None:
    if job.integrations:
        message = (
            "This gateway does not report to Weights & Biases itself; the metrics are in the job's events and, "
            "after its release, in its result file"
        )
        events.add(session, job, "integrations", message, level="warn", now=now)


def _metadata_filter(request: Request) -> MetadataFilter | None:
    """`metadata[k]=v` asks for pairs; `metadata=null`, or a blank as Node sends it, for no metadata."""
    pairs = {}
    for name, value in request.query_params.multi_items():
        key = re.fullmatch(r"metadata\[(.*)\]", name, re.DOTALL)
        if key is not None:
            pairs[key[1]] = value
    if pairs:
        return MetadataFilter(pairs=pairs)
    if request.query_params.get("metadata") in ("null", ""):
        return MetadataFilter(is_null=True, pairs={})
    return None
