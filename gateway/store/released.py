"""Released models of a project. A held model has no row here, so it cannot be found."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store import decisions
from gateway.store.decisions import DecisionKind
from gateway.store.errors import NotFound
from gateway.store.models import Checkpoint, Job, Model
from gateway.store.pages import Page, page_of
from gateway.store.scope import owned

IN_SERVICE = (Model.revoked_at.is_(None), Model.held_at.is_(None))
"""What a name must meet to stand for a model."""


def models(session: Session, project_id: str) -> Sequence[Model]:
    """Every released model, newest first."""
    query = owned(Model, project_id).where(*IN_SERVICE)
    return session.scalars(query.order_by(Model.created_at.desc(), Model.name)).all()


def find(session: Session, project_id: str, name: str) -> Model | None:
    """The released model of this name, if the project has one."""
    return session.scalar(owned(Model, project_id).where(Model.name == name, *IN_SERVICE))


@dataclass(frozen=True, slots=True)
class BaseOf:
    """The base of a released model of a project: a question that `gateway.store.memory` remembers."""

    project_id: str
    name: str

    def ask(self, session: Session) -> str | None:
        """The base's name; None for a name that stands for no model of the project."""
        model = find(session, self.project_id, self.name)
        return None if model is None else model.base_name


def in_service(session: Session, name: str) -> Model | None:
    """The released model of this name in whatever project: for what stands behind a project's own look-up."""
    return session.scalar(select(Model).where(Model.name == name, *IN_SERVICE))


def known(session: Session, name: str) -> Model:
    """The row of a model that was ever released, also a revoked or held one. Raises `NotFound`."""
    model = session.get(Model, name)
    if model is None:
        raise NotFound("model", name)
    return model


def is_released(session: Session, digest: str) -> bool:
    """Whether a candidate was ever released, by whichever job."""
    return session.scalar(select(Model.name).where(Model.digest == digest).limit(1)) is not None


def every(session: Session) -> Sequence[Model]:
    """Every project's released models that were not revoked, held ones included, oldest first."""
    return session.scalars(select(Model).where(Model.revoked_at.is_(None)).order_by(Model.created_at, Model.name)).all()


def delete(session: Session, project_id: str, name: str, *, actor: str, now: int) -> str:
    """Take a model away for good, as its owner asks; returns the blob key of its files. Raises `NotFound`."""
    model = find(session, project_id, name)
    if model is None:
        raise NotFound("model", name)
    _revoke(session, model, why="deleted by its project", actor=actor, now=now)
    return model.artefact_key


def revoke(session: Session, name: str, *, why: str, actor: str, now: int) -> Model:
    """Take a model away from everybody for good. Raises `NotFound` for one that is not released any more."""
    model = session.get(Model, name)
    if model is None or model.revoked_at is not None:
        raise NotFound("released model", name)
    _revoke(session, model, why=why, actor=actor, now=now)
    return model


def hold(session: Session, model: Model, *, why: str, actor: str, now: int) -> None:
    """Put a released model back into the hold: from here on its name stands for nothing."""
    if model.held_at is None and model.revoked_at is None:
        model.held_at = now
        decisions.of_model(session, model, DecisionKind.HOLD, {"why": why}, now=now, actor=actor)


def readmit(session: Session, model: Model, *, why: str, actor: str, now: int) -> None:
    """Let a model that verifies again out of the hold."""
    if model.held_at is not None:
        model.held_at = None
        decisions.of_model(session, model, DecisionKind.READMIT, {"why": why}, now=now, actor=actor)


def _revoke(session: Session, model: Model, *, why: str, actor: str, now: int) -> None:
    model.revoked_at = now
    decisions.of_model(session, model, DecisionKind.REVOKE, {"why": why}, now=now, actor=actor)


def checkpoints(session: Session, job: Job, *, after: str | None, limit: int) -> Page[Checkpoint]:
    """Released checkpoints of a job, highest step first."""
    query = owned(Checkpoint, job.project_id).where(Checkpoint.job_id == job.id)
    return page_of(session, query, (Checkpoint.id, Checkpoint.step), after=after, limit=limit)
