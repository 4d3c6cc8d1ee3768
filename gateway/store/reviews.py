"""Questions to reviewers and their answers. A question that nobody answers in time is a refusal."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.errors import NotFound, StoreError
from gateway.store.ids import IdKind, derived
from gateway.store.models import Job, JobState, Review


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


def open_question(
    session: Session, job: Job, stage: ReviewStage, *, reasons: Sequence[str], now: int, timeout_s: float
) -> Review:
    """Put a question, once a job and stage; asked again it is the same question with its first deadline."""
    known = find(session, job.id, stage)
    if known is not None:
        return known
    review = Review(
        id=derived(IdKind.REVIEW, job.id, stage),
        project_id=job.project_id,
        job_id=job.id,
        stage=stage,
        reasons=list(reasons),
        opened_at=now,
        expires_at=now + int(timeout_s),
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


def answer(session: Session, job: Job, *, decision: str, reason: str, principal_id: str | None, now: int) -> Review:
    """Record a reviewer's answer to the question that is open on a job.

    `principal_id` is None for the operator at the command line. Raises `NotFound` when nothing was
    asked, `ReviewClosed` and `WrongAnswer`.
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
    review.decision = decision
    review.reason = reason
    review.principal_id = principal_id
    review.decided_at = now
    return review


def answered(session: Session) -> Sequence[tuple[str, str]]:
    """(job id, stage) of jobs that still wait although their reviewer has answered."""
    query = select(Review.job_id, Review.stage).join(Job, Review.job_id == Job.id)
    waiting = Job.state.in_(WAITING_STATES.values())
    return [(job_id, stage) for job_id, stage in session.execute(query.where(waiting, Review.decision.is_not(None)))]
