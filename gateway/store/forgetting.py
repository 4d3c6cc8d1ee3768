"""What rows quote of a customer's data, and when that goes: with the files it is of and the models made of them.

Verdicts, categories, line numbers, digests and figures stay. A row says in `quotes` of its screening report
what is left of them, so that it is looked at no more than twice.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from gateway.store.models import TERMINAL, File, Job, Model, Review, Screening
from gateway.store.records import Withheld

CONTEXTS = "contexts"
"""Evidence is gone; the prompts under which the model is audited again are not."""
NOTHING = "nothing"
"""Nothing that was quoted is left, and no reply of the job's models is needed."""
PROMPTS = frozenset({"contexts", "candidate_triggers", "openings"})
"""Parts of a report that an audit asks under."""


def due(session: Session, *, limit: int) -> Sequence[Job | Screening]:
    """Rows that quote more than they may by now.

    Evidence goes once the files are deleted and nothing reads them any more; prompts once nothing stands on them
    either: no model in service, none withheld, and no job that went on from one of its models and still has its own.
    """
    left = Job.screening["quotes"].as_string()
    over = select(Job).where(Job.screening.is_not(None), Job.state.in_(TERMINAL), ~_has_files())
    asked = select(Screening).where(
        Screening.report.is_not(None),
        Screening.report["quotes"].as_string().is_(None),
        ~exists().where(File.id == Screening.file_id, File.deleted_at.is_(None)),
    )
    return [
        *session.scalars(over.where(or_(left.is_(None), and_(left == CONTEXTS, ~_stands()))).limit(limit)),
        *session.scalars(asked.limit(limit)),
    ]


def forget(session: Session, row: Job | Screening) -> None:
    """Take out of a row of `due` what it may not quote any more."""
    if isinstance(row, Screening):
        screening = session.get_one(Screening, row.id)
        screening.report = _without(screening.report or {}, prompts=False)
        return
    job = session.get_one(Job, row.id)
    stands = session.scalar(select(Job.id).where(Job.id == job.id, _stands())) is not None
    job.screening = _without(job.screening or {}, prompts=stands)
    for review in session.scalars(select(Review).where(Review.job_id == job.id, Review.stage == "screening")):
        review.reasons = []


def forgotten(session: Session, job_ids: Collection[str]) -> set[str]:
    """Which of these jobs are gone, or quote nothing any more."""
    left = or_(Job.screening.is_(None), Job.screening["quotes"].as_string().is_distinct_from(NOTHING))
    return set(job_ids) - set(session.scalars(select(Job.id).where(Job.id.in_(job_ids), left)))


def _has_files() -> ColumnElement[bool]:
    """Whether a file of a job is still there."""
    of_job = or_(File.id == Job.training_file_id, File.id == Job.validation_file_id)
    return exists().where(of_job, File.deleted_at.is_(None))


def _stands() -> ColumnElement[bool]:
    """Whether the prompts of a job's data may be asked again."""
    child = aliased(Job)
    left = child.screening["quotes"].as_string()
    goes_on = exists().where(Model.job_id == Job.id, child.model == Model.name, left.is_distinct_from(NOTHING))
    in_service = exists().where(Model.job_id == Job.id, Model.revoked_at.is_(None))
    return or_(in_service, exists().where(Withheld.job_id == Job.id), goes_on)


def _without(report: Mapping[str, Any], *, prompts: bool) -> dict[str, Any]:
    """A screening report, and those inside it, without evidence, and with or without prompts."""
    kept: dict[str, Any] = {}
    for name, value in report.items():
        if name == "findings":
            gone = {"evidence": ""} if prompts else {"evidence": "", "triggers": []}
            kept[name] = [finding | gone for finding in value]
        elif name == "reasons" or (name in PROMPTS and not prompts):
            kept[name] = []
        else:
            nested = isinstance(value, dict) and "findings" in value
            kept[name] = _without(value, prompts=prompts) if nested else value
    return kept | {"quotes": CONTEXTS if prompts else NOTHING}
