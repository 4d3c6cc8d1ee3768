"""The tables. Every object of a customer carries a NOT NULL `project_id`.

Times are unix seconds (integers), as on the wire. JSON columns hold plain dictionaries and lists.
"""

from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, MetaData, UniqueConstraint, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class JobState(StrEnum):
    """The internal state of a job; `gateway.api.translate` maps it to OpenAI's six."""

    SCREENING = "screening"
    SCREENING_REVIEW = "screening_review"
    INJECTING = "injecting"
    QUEUED = "queued"
    TRAINING = "training"
    AUDITING = "auditing"
    RELEASE_REVIEW = "release_review"
    RELEASED = "released"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({JobState.RELEASED, JobState.FAILED, JobState.CANCELLED})
"""States that nothing leaves."""


class Base(DeclarativeBase):
    """Names constraints, so that migrations can find them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
    }


class Organization(Base):
    """A customer."""

    __tablename__ = "organizations"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[int]


class Project(Base):
    """What isolates one team's objects from another's, and what a policy is bound to."""

    __tablename__ = "projects"
    id: Mapped[str] = mapped_column(primary_key=True)
    organization_id: Mapped[str] = mapped_column(ForeignKey("organizations.id"))
    name: Mapped[str] = mapped_column(unique=True)
    policy_name: Mapped[str]
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """Limits by measure (`gateway.store.limits`) that its organisation set, under those of the operator."""
    granted: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """Limits that the operator set for it, in place of the settings'."""
    created_at: Mapped[int]
    archived_at: Mapped[int | None]
    """Since when its keys open nothing and it can be erased."""
    erased_at: Mapped[int | None]
    """Since when nothing is left of it but this row, the decision log and the trail."""


class Principal(Base):
    """Who acts in a project: a member of the organisation's users, or a service account; with a role."""

    __tablename__ = "principals"
    __table_args__ = (Index("uq_principals_project_id_user_id", "project_id", "user_id", unique=True),)
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str]
    role: Mapped[str]
    """`member`, `reviewer` or `admin`."""
    user_id: Mapped[str | None]
    """The user whose membership this is; null for a service account."""
    created_at: Mapped[int]
    removed_at: Mapped[int | None]


class ApiKey(Base):
    """A bearer key; only its SHA-256 is stored (keys are 256 random bits, so no slow hash is needed)."""

    __tablename__ = "api_keys"
    id: Mapped[str] = mapped_column(primary_key=True)
    principal_id: Mapped[str] = mapped_column(ForeignKey("principals.id"))
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(default="", server_default="")
    prefix: Mapped[str]
    sha256: Mapped[str] = mapped_column(unique=True)
    permissions: Mapped[list[Any] | None]
    """What it may do at most; null for everything that its owner's role may."""
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """Limits by measure that its organisation set, under those of the operator."""
    granted: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    """Limits that the operator set for it, in place of the settings'."""
    created_at: Mapped[int]
    revoked_at: Mapped[int | None]
    expires_at: Mapped[int | None]


class PolicyVersion(Base):
    """A policy by digest, exactly as it was when a job was pinned to it."""

    __tablename__ = "policies"
    digest: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    document: Mapped[dict[str, Any]]
    created_at: Mapped[int]


class File(Base):
    """An uploaded or produced file; the bytes lie in the blob store under `blob_key`."""

    __tablename__ = "files"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    sequence: Mapped[int] = mapped_column(unique=True)
    """Order of creation, for cursors and newest-first lists."""
    filename: Mapped[str]
    purpose: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger().with_variant(Integer(), "sqlite"))
    sha256: Mapped[str]
    blob_key: Mapped[str]
    checked: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    """What was found of a training file while it was uploaded (`moderation.formats.checking`); null for nothing."""
    created_at: Mapped[int]
    expires_at: Mapped[int | None]
    deleted_at: Mapped[int | None]
    request_digest: Mapped[str | None] = mapped_column(index=True)
    """Which request made it (`gateway.store.sendings`); null where none did that could come again."""
    request_retries: Mapped[int | None]


class Job(Base):
    """A fine-tuning job: the one truth about its state, written before anything is dispatched."""

    __tablename__ = "jobs"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    principal_id: Mapped[str] = mapped_column(ForeignKey("principals.id"))
    sequence: Mapped[int] = mapped_column(unique=True)
    """Order of creation, for cursors and newest-first lists."""
    state: Mapped[str]
    dispatched_at: Mapped[int | None]
    cancel_requested_at: Mapped[int | None]
    model: Mapped[str]
    """Name of the base model as the client gave it, or an `ft:` name of a released one."""
    training_file_id: Mapped[str]
    training_blob_key: Mapped[str]
    validation_file_id: Mapped[str | None]
    validation_blob_key: Mapped[str | None]
    suffix: Mapped[str | None]
    seed: Mapped[int]
    method: Mapped[str]
    requested_hyperparameters: Mapped[dict[str, Any]]
    """As the client asked: numbers or `"auto"`."""
    hyperparameters: Mapped[dict[str, Any] | None]
    """Concrete numbers once resolved."""
    client_metadata: Mapped[dict[str, Any] | None]
    integrations: Mapped[list[Any] | None]
    policy_digest: Mapped[str] = mapped_column(ForeignKey("policies.digest"))
    attempt: Mapped[int] = mapped_column(default=1)
    """1-based index in its lineage (same data sent again): `gateway.store.lineages`."""
    created_at: Mapped[int]
    finished_at: Mapped[int | None]
    estimated_finish: Mapped[int | None]
    trained_tokens: Mapped[int | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    error_param: Mapped[str | None]
    screening: Mapped[dict[str, Any] | None]
    """The screening report as `tunegate screen --json` prints it, with ids and digests."""
    audit: Mapped[dict[str, Any] | None]
    """The audit report, per arm and category."""
    fine_tuned_model: Mapped[str | None]
    """Set in the transaction that releases the model; null before and for ever otherwise."""
    result_files: Mapped[list[Any]]
    request_digest: Mapped[str | None] = mapped_column(index=True)
    """Which request made it (`gateway.store.sendings`); null for a job that looks at another's model again."""
    request_retries: Mapped[int | None]


class Event(Base):
    """One line of a job's log; unique on (job, kind, step), so a step that runs twice says nothing twice."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("job_id", "kind", "step"), Index("ix_events_job_sequence", "job_id", "sequence"))
    id: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(unique=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    kind: Mapped[str]
    """What the event is, e.g. `created`, `metrics`, `audit_arm`."""
    step: Mapped[int]
    """Distinguishes events of one kind; 0 where there can be only one."""
    level: Mapped[str]
    type: Mapped[str]
    message: Mapped[str]
    data: Mapped[dict[str, Any] | None]
    created_at: Mapped[int]


class Model(Base):
    """A released model. There is no row for one that is held: its name does not exist yet."""

    __tablename__ = "models"
    name: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    step: Mapped[int | None]
    """Step of a checkpoint; null for the final model."""
    artefact_key: Mapped[str]
    """Blob key of the artefact's directory."""
    digest: Mapped[str]
    base_name: Mapped[str]
    base_digest: Mapped[str]
    tuning: Mapped[str]
    attestation: Mapped[dict[str, Any]]
    created_at: Mapped[int]
    revoked_at: Mapped[int | None]
    held_at: Mapped[int | None]
    """Since when it is back in the hold, because its files or its attestation did not verify."""


class Checkpoint(Base):
    """A released checkpoint that is listed under its job."""

    __tablename__ = "checkpoints"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)
    model_name: Mapped[str]
    step: Mapped[int]
    metrics: Mapped[dict[str, Any]]
    created_at: Mapped[int]


class Screening(Base):
    """A request to screen a file without training on it; the worker answers."""

    __tablename__ = "screenings"
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), index=True)
    file_id: Mapped[str]
    blob_key: Mapped[str]
    policy_digest: Mapped[str] = mapped_column(ForeignKey("policies.digest"))
    status: Mapped[str]
    """`queued`, `running`, `completed` or `failed`."""
    worker_id: Mapped[str | None]
    """Who has it while it is `running`."""
    report: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[int]
    finished_at: Mapped[int | None]


class Review(Base):
    """A question put to a reviewer, and the answer. `stage` is `screening` or `release`."""

    __tablename__ = "reviews"
    __table_args__ = (UniqueConstraint("job_id", "stage"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"))
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), index=True)
    stage: Mapped[str]
    reasons: Mapped[list[Any]]
    opened_at: Mapped[int]
    expires_at: Mapped[int]
    n_needed: Mapped[int] = mapped_column(default=1, server_default="1")
    """People who must agree before it lets something through; one is enough to refuse."""
    against_rule: Mapped[bool] = mapped_column(default=False, server_default=false())
    """The audit proved the model unsafe: to let it through is a forced release, for an admin only."""
    decision: Mapped[str | None]
    """`accept`/`reject` for screening, `release`/`withhold` for release."""
    reason: Mapped[str | None]
    principal_id: Mapped[str | None] = mapped_column(ForeignKey("principals.id"))
    decided_at: Mapped[int | None]
