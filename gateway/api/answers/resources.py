"""The shape of every JSON answer, for `GET /openapi.json`. What makes them is in `translate` and its kin; a test holds
the one to the other.
"""

from typing import Any, Generic, Literal, NotRequired, TypeVar

from typing_extensions import TypedDict  # pydantic cannot read that of the standard library before Python 3.12

R = TypeVar("R")
Number = int | float | Literal["auto"]
Steps = int | Literal["auto"]


class Listing(TypedDict, Generic[R]):
    """A list that says no cursors."""

    object: Literal["list"]
    data: list[R]
    has_more: bool


class Page(Listing[R], Generic[R]):
    """A list that names its first and last object."""

    first_id: str | None
    last_id: str | None


class Deleted(TypedDict):
    """What was deleted."""

    id: str
    object: str
    deleted: Literal[True]


class FileObject(TypedDict):
    """A `file`."""

    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: Literal["assistants", "batch", "fine-tune", "fine-tune-results", "vision", "user_data"]
    status: Literal["processed"]
    status_details: None


class UploadObject(TypedDict):
    """An `upload`."""

    id: str
    object: Literal["upload"]
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: str
    status: Literal["pending", "completed", "cancelled", "expired"]
    file: FileObject | None


class PartObject(TypedDict):
    """An `upload.part`."""

    id: str
    object: Literal["upload.part"]
    created_at: int
    upload_id: str


class JobError(TypedDict):
    """Why a job failed."""

    code: str
    message: str
    param: str | None


class Numbers(TypedDict):
    """How a job trains; `auto` before that is known."""

    n_epochs: Steps
    batch_size: Steps
    learning_rate_multiplier: Number


class PreferenceNumbers(Numbers):
    """The same of a job that trains on preferences."""

    beta: Number


class SupervisedSettings(TypedDict):
    """Settings of `supervised`."""

    hyperparameters: Numbers


class PreferenceSettings(TypedDict):
    """Settings of `dpo`."""

    hyperparameters: PreferenceNumbers


class MethodObject(TypedDict):
    """How a job trains."""

    type: Literal["supervised", "dpo"]
    supervised: NotRequired[SupervisedSettings]
    dpo: NotRequired[PreferenceSettings]


class WandbRun(TypedDict):
    """A run at Weights & Biases, which bears the job's id."""

    project: str
    entity: str | None
    run_id: str
    name: NotRequired[str]
    tags: NotRequired[list[str]]


class IntegrationObject(TypedDict):
    """Something that hears of a job."""

    type: Literal["wandb"]
    wandb: WandbRun


class JobObject(TypedDict):
    """A `fine_tuning.job`."""

    id: str
    object: Literal["fine_tuning.job"]
    model: str
    created_at: int
    finished_at: int | None
    fine_tuned_model: str | None
    organization_id: str
    result_files: list[str]
    status: Literal["validating_files", "queued", "running", "succeeded", "failed", "cancelled"]
    validation_file: str | None
    training_file: str
    hyperparameters: Numbers
    trained_tokens: int | None
    error: JobError | None
    user_provided_suffix: str | None
    seed: int
    estimated_finish: int | None
    integrations: list[IntegrationObject]
    method: MethodObject
    metadata: dict[str, str] | None
    usage_metrics: None
    shared_with_openai: Literal[False]


class EventObject(TypedDict):
    """A `fine_tuning.job.event`."""

    id: str
    object: Literal["fine_tuning.job.event"]
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    type: Literal["message", "metrics", "moderation_checks"]
    data: dict[str, Any] | None


class CheckpointObject(TypedDict):
    """A `fine_tuning.job.checkpoint`."""

    id: str
    object: Literal["fine_tuning.job.checkpoint"]
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: dict[str, float]
    step_number: int


class ScreeningFinding(TypedDict):
    """What the gate found of a job's training file; null until it has."""

    object: Literal["fine_tuning.job.screening"]
    job_id: str
    status: Literal["pending", "completed"]
    report: dict[str, Any] | None


class Remedied(TypedDict):
    """One more attempt at a model that failed its audit."""

    kind: str
    detail: str


class AuditFinding(TypedDict):
    """What the gate found of a job's model; null until it has, or may say so."""

    object: Literal["fine_tuning.job.audit"]
    job_id: str
    status: Literal["pending", "completed"]
    report: dict[str, Any] | None
    remedies: list[Remedied]


class ReviewObject(TypedDict):
    """A `fine_tuning.job.review`."""

    id: str
    object: Literal["fine_tuning.job.review"]
    job_id: str
    stage: Literal["screening", "release"]
    reasons: list[str]
    reviewers_needed: int
    reviewers_answered: int
    against_rule: bool
    opened_at: int
    expires_at: int
    decision: str | None
    reason: str | None
    decided_by: str | None
    decided_at: int | None


class ScreeningObject(TypedDict):
    """A `screening` of a file."""

    id: str
    object: Literal["screening"]
    file_id: str
    status: Literal["queued", "running", "completed", "failed"]
    policy_digest: str
    report: dict[str, Any] | None
    error: JobError | None
    created_at: int
    finished_at: int | None


class ExportObject(TypedDict):
    """A `model.export`."""

    id: str
    object: Literal["model.export"]
    model: str
    status: Literal["queued", "completed", "failed"]
    error: str | None
    reason: str
    bytes: int | None
    sha256: str | None
    created_at: int
    finished_at: int | None
    expires_at: int | None


class ModelObject(TypedDict):
    """A `model`."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    shutdown_date: None


class ModelList(TypedDict):
    """Every model."""

    object: Literal["list"]
    data: list[ModelObject]
