"""Questions to reviewers and their answers. A question that nobody answers in time is a refusal."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store import decisions, withheld
from gateway.store.decisions import DecisionKind
from gateway.store.errors import NotFound, StoreError
from gateway.store.ids import IdKind, derived
from gateway.store.models import Job, JobState, Review
from gateway.store.records import ReviewAnswer


class ReviewStage(StrEnum):
    """What is asked about."""

    SCREENING = "screening"
    """May the file be trained on?"""
    RELEASE = "release"
    """May the model be used?"""


ANSWERS = {ReviewStage.SCREENING: ("accept", "reject"), ReviewStage.RELEASE: ("release", "withhold")}
"""The answers to each question; the first lets the job go on."""

WAITING_STATES = {ReviewStage.SCREENING: JobState.SCREENING_REVIEW, ReviewStage.RELEASE: JobState.RELEASE_REVIEW}


class WrongAnswer(StoreError):
    """The answer does not fit the question; the message names those that do."""


class ReviewClosed(StoreError):
    """The question was answered already, or its time is up."""


class NotTheirs(StoreError):
    """This person may not give this answer: the job is their own, or only an admin may give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewer:
    """Who answers."""

    principal_id: str | None
    """None for the operator at the command line, who counts as one person and as an admin."""
    is_admin: bool

    @property
    def actor(self) -> str:
        """Their name in answers and in the decision log."""
        return self.principal_id or decisions.OPERATOR


OPERATOR = Reviewer(principal_id=None, is_admin=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is put to reviewers."""

    stage: ReviewStage
    reasons: Sequence[str]
    timeout_s: float
    """Nobody answered in this time: a refusal."""
    n_needed: int = 1
    """People who must agree before it lets something through."""
    against_rule: bool = False
    """The audit proved the model unsafe, so that only an admin may release it, by force."""


def open_question(session: Session, job: Job, question: Question, *, now: int) -> Review:
    """Put a question, once a job and stage; asked again it is the same question with its first deadline."""
    stage = question.stage
    known = find(session, job.id, stage)
    if known is not None:
        return known
    review = Review(
        id=derived(IdKind.REVIEW, job.id, stage),
        project_id=job.project_id,
        job_id=job.id,
        stage=stage,
        reasons=list(question.reasons),
        opened_at=now,
        expires_at=now + int(question.timeout_s),
        n_needed=question.n_needed,
        against_rule=question.against_rule,
    )
    session.add(review)
    session.flush()
    return review


def find(session: Session, job_id: str, stage: ReviewStage) -> Review | None:
    """The question of a job at a stage."""
    return session.scalar(select(Review).where(Review.job_id == job_id, Review.stage == stage))


def of_job(session: Session, job_id: str) -> Sequence[Review]:
    """Every question put about a job, oldest first."""
    return session.scalars(select(Review).where(Review.job_id == job_id).order_by(Review.opened_at)).all()


def answers(session: Session, review: Review) -> Sequence[ReviewAnswer]:
    """What was answered to a question, in order."""
    query = select(ReviewAnswer).where(ReviewAnswer.review_id == review.id)
    return session.scalars(query.order_by(ReviewAnswer.created_at, ReviewAnswer.id)).all()


def answer(session: Session, job: Job, *, decision: str, reason: str, by: Reviewer, now: int) -> Review:
    """Record one person's answer to the question that is open on a job, and in the decision log.

    The first refusal decides; what lets the job go on needs as many people as the question says. Raises
    `NotFound` when nothing was asked, `ReviewClosed`, `WrongAnswer`, and `NotTheirs` for a person's own
    job, a second answer of the same person, and a release against the rule by one who is no admin.
    """
    stages = [stage for stage, state in WAITING_STATES.items() if job.state == state]
    review = find(session, job.id, stages[0]) if stages else None
    if review is None:
        raise NotFound("open review", job.id)
    if review.decision is not None or now >= review.expires_at:
        raise ReviewClosed(f"the review of {job.id} is closed: {review.decision or 'nobody answered in time'}")
    allowed = ANSWERS[ReviewStage(review.stage)]
    if decision not in allowed:
        raise WrongAnswer(f"decision is {decision!r}; the review at {review.stage} takes {' or '.join(allowed)}")
    if not reason.strip():
        raise WrongAnswer("the reason is empty; say why, it is kept for ever")
    given = answers(session, review)
    _check(session, job, review, given, decision, by)
    said = ReviewAnswer(
        id=derived(IdKind.REVIEW, review.id, by.actor),
        review_id=review.id,
        actor=by.actor,
        decision=decision,
        reason=reason,
        created_at=now,
    )
    session.add(said)
    # One refusal closes a question, so those before this answer all agreed.
    if decision != allowed[0] or len(given) + 1 >= review.n_needed:
        review.decision = decision
        review.reason = reason
        review.principal_id = by.principal_id
        review.decided_at = now
    details = {
        "stage": review.stage, "decision": decision, "reason": reason, "n_needed": review.n_needed,
        "closed": review.decision is not None, "forced": _forces(review, decision),
    }  # fmt: skip
    decisions.of_job(
        session, job, DecisionKind.REVIEW, details, now=now, actor=by.actor, key=f"{review.stage}/{by.actor}"
    )
    return review


def _forces(review: Review, decision: str) -> bool:
    return review.against_rule and decision == ANSWERS[ReviewStage.RELEASE][0]


def took_part(session: Session, job_id: str) -> frozenset[str]:
    """Who answered a question about a job."""
    query = select(ReviewAnswer.actor).join(Review, Review.id == ReviewAnswer.review_id)
    return frozenset(session.scalars(query.where(Review.job_id == job_id)))


def _check(
    session: Session, job: Job, review: Review, given: Sequence[ReviewAnswer], decision: str, by: Reviewer
) -> None:
    if by.principal_id == job.principal_id:
        raise NotTheirs("this job is your own, and nobody reviews a job of their own; ask another reviewer")
    if any(one.actor == by.actor for one in given):
        raise NotTheirs(f"you have answered already; {review.n_needed} people must agree, ask another reviewer")
    contested = withheld.verdict_on(session, job.id)
    if contested is not None and contested.kind == "contest" and by.actor in took_part(session, contested.of_job_id):
        raise NotTheirs("you decided the verdict that is contested; another reviewer has to look at it again")
    if _forces(review, decision) and not by.is_admin:
        raise NotTheirs(
            "the audit proved this model unsafe; to release it all the same is a forced release, which only an "
            "admin of the project or the operator may decide"
        )


def expire(session: Session, job: Job, review: Review, *, now: int) -> None:
    """Note in the decision log that nobody answered in time, which is a refusal."""
    details = {"stage": review.stage, "decision": "expired", "n_needed": review.n_needed, "closed": True}
    decisions.of_job(session, job, DecisionKind.REVIEW, details, now=now, key=f"{review.stage}/expired")


def answered(session: Session) -> Sequence[tuple[str, str]]:
    """(job id, stage) of jobs that still wait although their reviewer has answered."""
    query = select(Review.job_id, Review.stage).join(Job, Review.job_id == Job.id)
    waiting = Job.state.in_(WAITING_STATES.values())
    return [(job_id, stage) for job_id, stage in session.execute(query.where(waiting, Review.decision.is_not(None)))]
