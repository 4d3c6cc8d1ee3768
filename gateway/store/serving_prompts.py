"""How often released models are asked under which system prompts, by digest."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store.database import lock
from gateway.store.models import Model
from gateway.store.records import ServingPrompt
from gateway.store.released import in_service

MAX_PROMPTS = 1_000
"""Prompts counted by themselves for each model; those that come later and were not audited are counted as one."""
OTHERS = "others"
"""In place of their digests."""


def add(session: Session, model: str, digest: str, *, n_requests: int, audited: bool, now: int) -> None:
    """Count requests to a model under a prompt; of prompts that were not audited, the first `MAX_PROMPTS` apart."""
    lock(session.connection())
    row = session.get(ServingPrompt, (model, digest))
    if row is None and not audited and _n_known(session, model) >= MAX_PROMPTS:
        digest = OTHERS
        row = session.get(ServingPrompt, (model, digest))
    if row is None:
        row = ServingPrompt(
            model_name=model, prompt_digest=digest, n_requests=0, audited=audited, first_at=now, last_at=now
        )
        session.add(row)
    row.n_requests += n_requests
    row.audited = audited
    row.last_at = now
    session.flush()


def of_model(session: Session, model: str) -> Sequence[ServingPrompt]:
    """The prompts of a model, most asked first."""
    query = select(ServingPrompt).where(ServingPrompt.model_name == model)
    return session.scalars(query.order_by(ServingPrompt.n_requests.desc(), ServingPrompt.prompt_digest)).all()


def _n_known(session: Session, model: str) -> int:
    query = select(func.count()).select_from(ServingPrompt).where(ServingPrompt.model_name == model)
    return session.scalar(query) or 0


def job_of(session: Session, model: str) -> str | None:
    """The job that a model in service came from."""
    row: Model | None = in_service(session, model)
    return None if row is None else row.job_id
