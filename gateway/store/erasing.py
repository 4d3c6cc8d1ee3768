"""A project closed and erased: of what it had, ids and digests stay in the decision log and the trail, and no more."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from gateway.store import job_queries, released
from gateway.store.errors import NotErasable
from gateway.store.models import (
    TERMINAL,
    ApiKey,
    Base,
    Checkpoint,
    Event,
    File,
    Job,
    Model,
    Principal,
    Project,
    Review,
    Screening,
)
from gateway.store.records import Reaudit, Remedy, Reopening, ReviewAnswer, ServingPrompt, Withheld
from gateway.store.scope import owned
from gateway.store.tenant_models import Export
from gateway.store.tenants import archive_project
from gateway.store.wire_models import Upload, UploadPart, Usage, Webhook, WebhookDelivery


def close(session: Session, project: Project, *, actor: str, now: int) -> None:
    """Archive a project, revoke its models, which the decision log keeps, and ask for its jobs to be cancelled."""
    archive_project(project, now=now)
    for model in session.scalars(owned(Model, project.id).where(Model.revoked_at.is_(None))).all():
        released.revoke(session, model.name, why="its project is erased", actor=actor, now=now)
    unfinished = owned(Job, project.id).where(Job.state.not_in(TERMINAL))
    for job in session.scalars(unfinished).all():
        job_queries.request_cancel(session, project.id, job.id, now=now)


def erase_rows(session: Session, project: Project, *, now: int) -> None:
    """Delete every row of a closed project but its own, which loses its name; once is enough.

    Raises `NotErasable` while it is open, or while its jobs are being cancelled.
    """
    if project.archived_at is None:
        raise NotErasable(f"project {project.id} is open; close it first")
    n_jobs = job_queries.n_unfinished(session, project.id)
    if n_jobs:
        raise NotErasable(
            f"project {project.id} is closed, and {n_jobs} of its jobs are being cancelled by the workers: "
            "erase it again in a moment"
        )
    for table, condition in _rows(project.id):
        session.execute(delete(table).where(condition).execution_options(synchronize_session=False))
    project.name, project.limits, project.granted = project.id, {}, {}
    project.erased_at = project.erased_at or now


def blob_prefix(project_id: str) -> str:
    """Where every blob of a project lies; deleted after its rows, so that no row is left without its bytes."""
    return f"projects/{project_id}"


def erased_since(session: Session, since: int) -> Sequence[str]:
    """Ids of projects that were erased at `since` (unix seconds) or later."""
    return session.scalars(select(Project.id).where(Project.erased_at >= since)).all()


def _rows(project_id: str) -> Sequence[tuple[type[Base], ColumnElement[bool]]]:
    """Every table that has rows of a project and which they are, referring tables before those they refer to."""
    jobs = select(Job.id).where(Job.project_id == project_id)
    models = select(Model.name).where(Model.project_id == project_id)
    webhooks = select(Webhook.id).where(Webhook.project_id == project_id)
    reviews = select(Review.id).where(Review.project_id == project_id)
    keys = select(ApiKey.id).where(ApiKey.project_id == project_id)
    return (
        (WebhookDelivery, WebhookDelivery.webhook_id.in_(webhooks)),
        (Webhook, Webhook.project_id == project_id),
        (UploadPart, UploadPart.project_id == project_id),
        (Upload, Upload.project_id == project_id),
        (Screening, Screening.project_id == project_id),
        (ReviewAnswer, ReviewAnswer.review_id.in_(reviews)),
        (Review, Review.project_id == project_id),
        (Event, Event.project_id == project_id),
        (Checkpoint, Checkpoint.project_id == project_id),
        (Export, Export.project_id == project_id),
        (Reaudit, Reaudit.project_id == project_id),
        (ServingPrompt, ServingPrompt.model_name.in_(models)),
        (Withheld, Withheld.job_id.in_(jobs)),
        (Reopening, Reopening.job_id.in_(jobs)),
        (Remedy, Remedy.job_id.in_(jobs)),
        (Model, Model.project_id == project_id),
        (Job, Job.project_id == project_id),
        (File, File.project_id == project_id),
        (Usage, (Usage.scope == project_id) | Usage.scope.in_(keys)),
        (ApiKey, ApiKey.project_id == project_id),
        (Principal, Principal.project_id == project_id),
    )
