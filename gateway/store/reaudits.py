"""Released models that are to be audited again by a deadline, and what came of it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from gateway.store import decisions, events, jobs, released
from gateway.store.decisions import DecisionKind
from gateway.store.engine_models import Validity
from gateway.store.errors import NotFound
from gateway.store.ids import IdKind, derived
from gateway.store.models import Model
from gateway.store.records import Reaudit

LEASE_S = 600
"""How long a worker that took a re-audit up has before another may; what was answered is kept."""


class ReauditOutcome(StrEnum):
    """What a re-audit came to."""

    PASSED = "passed"
    REVIEW = "review"
    """The rule asks for a person: kept by one (`tunegate reaudit MODEL --keep`), or overdue at the deadline."""
    FAILED = "failed"
    """Proven unsafe: revoked at once."""
    KEPT = "kept"
    """A person let it stay."""
    OVERDUE = "overdue"
    """Not audited, or answered by nobody, by the deadline."""
    SUPERSEDED = "superseded"
    """What was in force when it was asked for has changed again, or the model is gone."""


OPEN = (None, ReauditOutcome.REVIEW)
"""Outcomes that something may still change."""
_STAYS = (ReauditOutcome.PASSED, ReauditOutcome.KEPT)


def open_one(
    session: Session, model: Model, *, change: str, reasons: Sequence[str], policy_digest: str | None, now: int,
    due_at: int,
) -> Reaudit:  # fmt: skip
    """Ask for a re-audit, once for a model and a `change` (what is in force now).

    It takes the place of an open one and of its deadline, if that is nearer: to edit a policy again gives
    nobody more time. A change that was taken back and comes again is asked for anew.
    """
    id_ = derived(IdKind.REAUDIT, model.name, change)
    known = session.get(Reaudit, id_)
    if known is not None and known.outcome != ReauditOutcome.SUPERSEDED:
        return known
    open_ones = [row.due_at for row in of_model(session, model.name) if row.finished_at is None]
    supersede(session, model.name, now=now)
    if known is not None:
        session.delete(known)
        session.flush()
    row = Reaudit(
        id=id_, model_name=model.name, project_id=model.project_id, reasons=list(reasons),
        policy_digest=policy_digest, opened_at=now, due_at=min((due_at, *open_ones)), outcome=None, audit=None,
        detail="", next_attempt_at=now, finished_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row


def supersede(session: Session, name: str, *, now: int) -> None:
    """End the open re-audits of a model: what they were asked for is not so any more."""
    for row in of_model(session, name):
        if row.finished_at is None:
            row.outcome, row.finished_at = ReauditOutcome.SUPERSEDED, now


def of_model(session: Session, name: str) -> Sequence[Reaudit]:
    """The re-audits of a model, newest first."""
    query = select(Reaudit).where(Reaudit.model_name == name)
    return session.scalars(query.order_by(Reaudit.opened_at.desc(), Reaudit.id)).all()


def waiting(session: Session) -> Sequence[Reaudit]:
    """Every re-audit that is not over, the nearest deadline first."""
    query = select(Reaudit).where(Reaudit.finished_at.is_(None)).order_by(Reaudit.due_at, Reaudit.id)
    return session.scalars(query).all()


def claim(session: Session, *, now: int) -> Reaudit | None:
    """Take up the next re-audit that nobody is at; a worker that dies gives it back by its lease."""
    query = (
        select(Reaudit)
        .join(Model, Model.name == Reaudit.model_name)
        .where(
            Reaudit.outcome.is_(None),
            Reaudit.policy_digest.is_not(None),
            Reaudit.next_attempt_at <= now,
            *released.IN_SERVICE,
        )
    )
    row = session.scalar(
        query.order_by(Reaudit.due_at, Reaudit.id).limit(1).with_for_update(of=Reaudit, skip_locked=True)
    )
    if row is not None:
        row.next_attempt_at = now + LEASE_S
    return row


def settle(
    session: Session,
    id_: str,
    outcome: ReauditOutcome,
    *,
    detail: str,
    actor: str,
    now: int,
    against_rule: bool = False,
) -> Reaudit:
    """Write down what a re-audit came to, also in the decision log and the job's events; one that is over stays so."""
    row = session.get_one(Reaudit, id_)
    if row.outcome not in OPEN or row.outcome == outcome:
        return row
    row.outcome, row.detail = outcome, detail
    # Under which system prompts the model was found sound is remembered, and may be another answer now.
    session.execute(update(Validity).values(version=Validity.version + 1))
    if outcome != ReauditOutcome.REVIEW:
        row.finished_at = now
    model = released.known(session, row.model_name)
    details = {"outcome": outcome.value, "why": detail, "reasons": row.reasons, "policy_digest": row.policy_digest}
    decisions.of_model(
        session, model, DecisionKind.REAUDIT, details | {"against_rule": against_rule}, now=now, actor=actor
    )
    job = jobs.find(session, model.job_id)
    level = "info" if outcome in (ReauditOutcome.PASSED, ReauditOutcome.KEPT) else "warn"
    message = f"The model was to be audited again; {outcome.value}: {detail}"
    n_before = len([one for one in of_model(session, model.name) if one.outcome is not None])
    events.add(session, job, f"reaudit_{outcome.value}", message, now=now, step=n_before, level=level)
    return row


def revoke(session: Session, row: Reaudit, *, why: str, actor: str, now: int) -> None:
    """Take the model away for good, and say so in its job's log. One that is gone already stays gone."""
    model = session.get(Model, row.model_name)
    if model is None or model.revoked_at is not None:
        return
    released.revoke(session, model.name, why=why, actor=actor, now=now)
    job = jobs.find(session, model.job_id)
    events.add(session, job, "revoked", f"The model was revoked: {why}", now=now, level="warn")


def keep(session: Session, name: str, *, why: str, actor: str, now: int) -> Reaudit:
    """Let a model stay whose re-audit asks for a person. Raises `NotFound` when none does."""
    for row in of_model(session, name):
        if row.outcome == ReauditOutcome.REVIEW and row.finished_at is None:
            return settle(session, row.id, ReauditOutcome.KEPT, detail=why, actor=actor, now=now)
    raise NotFound("re-audit that asks for a person, of model", name)


def standing(session: Session, name: str) -> Reaudit | None:
    """The newest re-audit that let a model stay."""
    return next((row for row in of_model(session, name) if row.outcome in _STAYS), None)


def reports(session: Session, name: str, *, released_on: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """What is known of a model: the audit that its standing rests on, and those since that nobody has acted on yet.

    `released_on` is the report that it was released on.
    """
    found: list[Mapping[str, Any]] = []
    for row in of_model(session, name):
        if row.audit is not None:
            found.append(row.audit)
            if row.outcome in _STAYS:
                return found
    return [*found, released_on]
