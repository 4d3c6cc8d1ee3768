"""What the gate found of a job, and a reviewer's word on it: our own resources under OpenAI's job."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from evaluators.report.documents import report_from_json, summary
from gateway.api.auth import Here, Who
from gateway.api.schemas import ReasonRequest, ReviewRequest
from gateway.api.translate import job_object, review_object, screening_summary
from gateway.api.wire import Body, check, json_response
from gateway.store import job_queries, policies, remedies, reopenings, reviews
from gateway.store.keys import Caller
from gateway.store.models import TERMINAL
from gateway.store.permissions import Permission
from gateway.store.reviews import Reviewer

router = APIRouter(prefix="/v1/fine_tuning/jobs/{job_id}")


@router.get("/screening")
def screening(job_id: str, services: Here, caller: Who) -> Response:
    """What was found in the job's training file: verdict, categories and lines; all of it for a reviewer."""
    with services.database.read() as session:
        job = job_queries.get(session, caller.project_id, job_id)
    shown = job.screening if caller.may_read_details else screening_summary(job.screening)
    return json_response(_finding("screening", job_id, shown))


@router.get("/audit")
def audit(job_id: str, services: Here, caller: Who) -> Response:
    """What was found of the job's model: a summary once the job has ended, everything for a reviewer."""
    with services.database.read() as session:
        job = job_queries.get(session, caller.project_id, job_id)
        tried = [{"kind": row.kind, "detail": row.detail} for row in remedies.every(session, job_id)]
    if caller.may_read_details:
        return json_response(_finding("audit", job_id, job.audit) | {"remedies": tried})
    shown = summary(report_from_json(job.audit)) if job.audit is not None and job.state in TERMINAL else None
    return json_response(_finding("audit", job_id, shown) | {"remedies": tried if job.state in TERMINAL else []})


@router.post("/review")
def review(job_id: str, services: Here, caller: Who, body: Body) -> Response:
    """Answer the question that a job waits for. Reviewers only."""
    asked = check(ReviewRequest, body)
    with services.database.write() as session:
        job = job_queries.get(session, caller.project_id, job_id)
        answered = reviews.answer(
            session,
            job,
            decision=asked.decision,
            reason=asked.reason,
            by=_reviewer(caller),
            now=services.now(),
        )
        given = reviews.answers(session, answered)
    return json_response(review_object(answered, n_answers=len(given)))


@router.post("/contest")
def contest(job_id: str, services: Here, caller: Who, body: Body) -> Response:
    """Contest the verdict on a withheld model, once, or have an audit made again that could not be completed.

    The answer is the job that looks at the model again.
    """
    asked = check(ReasonRequest, body)
    with services.database.write() as session:
        job = job_queries.get(session, caller.project_id, job_id)
        again = reopenings.contest(
            session, services.ids, job, reason=asked.reason, by=_reviewer(caller), now=services.now()
        )
    return json_response(job_object(again, caller.organization_id))


@router.post("/release")
def release(job_id: str, services: Here, caller: Who, body: Body) -> Response:
    """Force the release of a withheld model. Admins only: the answer is the job that releases it."""
    asked = check(ReasonRequest, body)
    with services.database.write() as session:
        job = job_queries.get(session, caller.project_id, job_id)
        again = reopenings.force(
            session,
            services.ids,
            job,
            reason=asked.reason,
            by=_reviewer(caller),
            n_needed=policies.reviewers(session, job.policy_digest),
            now=services.now(),
        )
    return json_response(job_object(again, caller.organization_id))


def _reviewer(caller: Caller) -> Reviewer:
    return Reviewer(principal_id=caller.principal_id, is_admin=Permission.FORCE in caller.permissions)


def _finding(kind: str, job_id: str, report: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "object": f"fine_tuning.job.{kind}",
        "job_id": job_id,
        "status": "pending" if report is None else "completed",
        "report": report,
    }
