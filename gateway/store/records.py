"""The tables of the hold: what people answered, what was decided, and under what a model is asked."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.models import Base


class ReviewAnswer(Base):
    """What one person said to a question. A person answers once."""

    __tablename__ = "review_answers"
    __table_args__ = (UniqueConstraint("review_id", "actor"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("reviews.id"))
    actor: Mapped[str]
    """Id of a principal, or `operator` for the command line."""
    decision: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[int]


class Decision(Base):
    """One entry of the decision log: append-only, each entry bound to the one before by its hash.

    The database refuses to change or delete a row (triggers of migration 0002). It names objects by
    id and not by reference, so that it outlives them.
    """

    __tablename__ = "decisions"
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1, 2, 3 and so on, without a gap."""
    key: Mapped[str] = mapped_column(unique=True)
    """What was decided, once; a stage that runs twice decides nothing twice."""
    kind: Mapped[str]
    at: Mapped[int]
    actor: Mapped[str]
    project_id: Mapped[str]
    job_id: Mapped[str | None] = mapped_column(index=True)
    details: Mapped[dict[str, Any]]
    previous: Mapped[str]
    hash: Mapped[str]


class ServingPrompt(Base):
    """How often a released model was asked under a system prompt; of the prompt only its digest is kept.

    Prompts beyond `gateway.store.serving_prompts.MAX_PROMPTS` have one row together.
    """

    __tablename__ = "serving_prompts"
    model_name: Mapped[str] = mapped_column(primary_key=True)
    prompt_digest: Mapped[str] = mapped_column(primary_key=True)
    n_requests: Mapped[int]
    audited: Mapped[bool]
    """Whether the model was audited under it."""
    first_at: Mapped[int]
    last_at: Mapped[int]


class HeadPlace(Base):
    """An address that gets the head of the decision log, and how far it is behind."""

    __tablename__ = "head_places"
    url: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(default=0)
    """Of the newest entry that the place has taken; 0 before the first."""
    published_at: Mapped[int | None]
    failures: Mapped[int] = mapped_column(default=0)
    """In a row; 0 again once the place takes a head."""
    next_attempt_at: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None]


class Reaudit(Base):
    """A released model that is to be audited again, because what it was decided by is not in force any more."""

    __tablename__ = "reaudits"
    id: Mapped[str] = mapped_column(primary_key=True)
    """Derived from the model and from what is in force: the same change asks once."""
    model_name: Mapped[str] = mapped_column(ForeignKey("models.name"), index=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    reasons: Mapped[list[Any]]
    policy_digest: Mapped[str | None] = mapped_column(ForeignKey("policies.digest"))
    """What it is decided by now; null where the project's policy is gone."""
    opened_at: Mapped[int]
    due_at: Mapped[int]
    outcome: Mapped[str | None]
    """`passed`, `review`, `failed`, `kept`, `overdue` or `superseded`; null before the audit."""
    audit: Mapped[dict[str, Any] | None]
    detail: Mapped[str]
    """Why it could not be audited yet, or what was found."""
    next_attempt_at: Mapped[int]
    finished_at: Mapped[int | None]


class Remedy(Base):
    """One more attempt at a model that failed its audit, and the audit that it failed."""

    __tablename__ = "remedies"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """1-based."""
    kind: Mapped[str]
    failed_digest: Mapped[str]
    failed_audit: Mapped[dict[str, Any]]
    made_digest: Mapped[str | None]
    """Of the candidate that was made; null while it is made, and for ever when none was."""
    detail: Mapped[str]
    """What was done, in words: the attestation's label."""
    started_at: Mapped[int]
    finished_at: Mapped[int | None]


class Withheld(Base):
    """A model that no job released and whose files are still kept, so that it can be looked at again."""

    __tablename__ = "withheld_models"
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    digest: Mapped[str]
    artefact_key: Mapped[str]
    kept_until: Mapped[int] = mapped_column(index=True)


class ReopeningKind(StrEnum):
    """Why a model is looked at again."""

    CONTEST = "contest"
    """Its owner does not believe the verdict: fresh prompts, and a reviewer who had no part in it."""
    FORCE = "force"
    """An admin wants it released whatever the audit found."""
    RETRY = "retry"
    """Its audit could not be completed and is made again; what that finds decides, as it would have."""


class Reopening(Base):
    """A job that looks again at the model of one that failed. The failed job stays failed."""

    __tablename__ = "reopenings"
    __table_args__ = (UniqueConstraint("of_job_id", "kind"),)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    of_job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    kind: Mapped[str]
    """A `ReopeningKind`."""
    actor: Mapped[str]
    reason: Mapped[str]
    created_at: Mapped[int]
