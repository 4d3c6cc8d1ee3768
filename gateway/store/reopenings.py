"""Another look at a held model: its owner contests a verdict, an admin forces the release, or an audit is made again.

A failed job stays failed, as clients were told and as its webhook said. What follows is a job of its own on
the same candidate, which ends as any job does and never trains.
"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store import decisions, events, lineages, reviews, withheld
from gateway.store.database import next_sequence
from gateway.store.decisions import DecisionKind
from gateway.store.errors import StoreError
from gateway.store.ids import IdKind, Ids
from gateway.store.models import Job, JobState
from gateway.store.records import Reopening, ReopeningKind
from gateway.store.reviews import NotTheirs, Question, Reviewer, ReviewStage

FORCED_S = 7 * 24 * 3600
"""How long a forced release waits for the other people that the policy asks for."""
UNAUDITED = "safety_evaluation_error"
"""The code of a job whose audit could not be completed."""
_COPIED = (
    "project_id", "principal_id", "model", "training_file_id", "training_blob_key", "validation_file_id",
    "validation_blob_key", "suffix", "seed", "method", "requested_hyperparameters", "hyperparameters",
    "client_metadata", "integrations", "policy_digest", "screening",
)  # fmt: skip
_SAID = {
    ReopeningKind.CONTEST: "The verdict was contested",
    ReopeningKind.FORCE: "A forced release was asked for",
    ReopeningKind.RETRY: "The safety evaluation, which could not be completed, is made again",
}


class NotReopened(StoreError):
    """This job's verdict cannot be looked at again; the message says why."""


def contest(session: Session, ids: Ids, job: Job, *, reason: str, by: Reviewer, now: int) -> Job:
    """Make the job that audits a withheld model with fresh prompts, or makes an audit again that was not completed.

    Raises `NotReopened`, and `NotTheirs` for who is neither the job's owner nor an admin.
    """
    if by.principal_id != job.principal_id and not by.is_admin:
        raise NotTheirs("only the owner of a job or an admin of its project may contest its verdict")
    earlier = of_job(session, job.id)
    if job.error_code == UNAUDITED:
        # A judge that fails its canaries is not asked by the owner until it is lucky.
        if earlier is not None and earlier.kind == ReopeningKind.RETRY and not by.is_admin:
            raise NotTheirs(f"{job.id} made the audit again already; ask an admin to mend the judge and try once more")
        return _reopened(session, ids, job, ReopeningKind.RETRY, reason=reason, by=by, now=now)
    verdict = withheld.verdict_on(session, job.id)
    if verdict is not None and verdict.kind == ReopeningKind.CONTEST:
        raise NotReopened(f"{job.id} is a contest itself; a verdict is contested once")
    again = _reopened(session, ids, job, ReopeningKind.CONTEST, reason=reason, by=by, now=now)
    again.attempt = lineages.spent(session, job)
    return again


def force(session: Session, ids: Ids, job: Job, *, reason: str, by: Reviewer, n_needed: int, now: int) -> Job:
    """Make the job that releases a withheld model by force, once `n_needed` admins agree; `by` is the first.

    Raises `NotReopened`, and `NotTheirs` for the admin's own job and for anybody else.
    """
    if not by.is_admin:
        raise NotTheirs("only an admin of the project or the operator may force a release")
    again = _reopened(session, ids, job, ReopeningKind.FORCE, reason=reason, by=by, now=now)
    again.state, again.audit = JobState.RELEASE_REVIEW, job.audit
    question = Question(
        stage=ReviewStage.RELEASE,
        reasons=(f"a forced release of the model that {job.id} withheld",),
        timeout_s=FORCED_S,
        n_needed=n_needed,
        against_rule=True,
    )
    reviews.open_question(session, again, question, now=now)
    reviews.answer(session, again, decision="release", reason=reason, by=by, now=now)
    return again


def of_job(session: Session, job_id: str) -> Reopening | None:
    """Why and of which job this one is another look; None for a job that trained."""
    return session.get(Reopening, job_id)


def chain(session: Session, job_id: str) -> tuple[str, ...]:
    """The job that trained a model, those that looked at it again, and this one last."""
    seen = of_job(session, job_id)
    return (job_id,) if seen is None else (*chain(session, seen.of_job_id), job_id)


def _reopened(session: Session, ids: Ids, job: Job, kind: ReopeningKind, *, reason: str, by: Reviewer, now: int) -> Job:
    if not reason.strip():
        raise NotReopened("the reason is empty; say why, it is kept for ever")
    kept = withheld.find(session, job.id)
    code = UNAUDITED if kind == ReopeningKind.RETRY else "unsafe_model"
    if job.state != JobState.FAILED or job.error_code != code:
        raise NotReopened(f"{job.id} did not fail as {code}; only such a verdict can be looked at again")
    if kept is None or kept.kept_until <= now:
        raise NotReopened(f"the time to contest the verdict on {job.id} is over, and its model's files are deleted")
    for other in _others(session, job.id):
        if other.kind == kind:
            raise NotReopened(f"this was done once already, by {other.job_id}")
        state = session.get_one(Job, other.job_id).state
        if state not in (JobState.FAILED, JobState.CANCELLED):
            how = "was released already" if state == JobState.RELEASED else "is being looked at already"
            raise NotReopened(f"the model {how}, by {other.job_id}")
    again = Job(
        **{column: getattr(job, column) for column in _COPIED}, id=ids.new(IdKind.JOB), state=JobState.AUDITING,
        sequence=next_sequence(session, Job.sequence), attempt=job.attempt, created_at=now, result_files=[],
    )  # fmt: skip
    session.add(again)
    session.flush()
    session.add(Reopening(job_id=again.id, of_job_id=job.id, kind=kind, actor=by.actor, reason=reason, created_at=now))
    session.flush()
    events.add(session, again, "created", f"Created fine-tuning job: {again.id}", now=now)
    events.add(session, again, "reopened", f"{_SAID[kind]}; the model is the one that {job.id} made", now=now)
    events.add(session, job, f"reopened_{kind}", f"{_SAID[kind]}; {again.id} looks at the model again", now=now)
    details = {"as": kind.value, "by_job": again.id, "reason": reason, "candidate_digest": kept.digest}
    decisions.of_job(session, job, DecisionKind.REOPEN, details, now=now, actor=by.actor, key=kind.value)
    return again


def _others(session: Session, job_id: str) -> Sequence[Reopening]:
    return session.scalars(select(Reopening).where(Reopening.of_job_id == job_id)).all()
