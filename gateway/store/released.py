"""Released models of a project. A held model has no row here, so it cannot be found."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from gateway.store.errors import NotFound
from gateway.store.models import Checkpoint, Job, Model
from gateway.store.pages import Page, page_of
from gateway.store.scope import owned


def models(session: Session, project_id: str) -> Sequence[Model]:
    """Every released model, newest first."""
    query = owned(Model, project_id).where(Model.revoked_at.is_(None))
    return session.scalars(query.order_by(Model.created_at.desc(), Model.name)).all()


def find(session: Session, project_id: str, name: str) -> Model | None:
    """The released model of this name, if the project has one."""
    return session.scalar(owned(Model, project_id).where(Model.name == name, Model.revoked_at.is_(None)))


def delete(session: Session, project_id: str, name: str, *, now: int) -> None:
    """Take a model away for good. Raises `NotFound`."""
    model = find(session, project_id, name)
    if model is None:
        raise NotFound("model", name)
    model.revoked_at = now


def checkpoints(session: Session, job: Job, *, after: str | None, limit: int) -> Page[Checkpoint]:
    """Released checkpoints of a job, highest step first."""
    query = owned(Checkpoint, job.project_id).where(Checkpoint.job_id == job.id)
    return page_of(session, query, (Checkpoint.id, Checkpoint.step), after=after, limit=limit)
