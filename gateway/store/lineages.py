"""What has been spent of the audit's error on the same data: same bytes, or for the greater part the same rows.

Every job whose audit began has spent its share, however it ended: one that is cancelled while its model climbs, or
waits for a person, has been looked at all the same. Jobs of the organisation's other projects count as well where
no model came of them, so that a second project is no second purse.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from gateway.store.models import TERMINAL, Event, File, Job, JobState, Model, Project
from gateway.store.records import Remedy, Reopening, ReopeningKind
from moderation.synopses import DataSketch, returned, sketch_from_json

SAME = 0.9
"""From this share of an earlier job's rows on, a file that has them is another attempt at that job's data."""
MAX_COMPARED = 200
"""Earlier jobs whose rows are compared, the newest."""
_AUDITED = or_(Job.audit.is_not(None), exists().where(Event.job_id == Job.id, Event.kind == "auditing"))
"""Jobs whose audit began; the event stays when the report is gone, or was never written."""
_LOOKS_ANEW = ~exists().where(Reopening.job_id == Job.id, Reopening.kind != ReopeningKind.CONTEST)
"""A forced release asks the model nothing, and an audit that is made again belongs to the job that began it."""
_SPENDS = and_(or_(_AUDITED, Job.state.not_in(TERMINAL)), _LOOKS_ANEW)
"""Jobs that were audited or still may be."""


def on_bytes(session: Session, project_id: str, sha256: str) -> int:
    """Attempts at a file of these bytes so far: jobs that were audited or still may be, and remedies.

    Each look at the same data spends some of the audit's error probability; a job that ended before
    its audit began spent none.
    """
    return _spent(session, _same_bytes(project_id, sha256))


def spent(session: Session, job: Job, *, until: int | None = None) -> int:
    """Attempts at a screened job's data so far, its own among them; `until` leaves out jobs of later sequence numbers.

    Beside those on the same bytes, jobs on the same root base count most of whose rows its file has again, unless
    their model was released.
    """
    file = session.get_one(File, job.training_file_id)
    lineage = or_(_same_bytes(job.project_id, file.sha256), Job.id.in_(_same_rows(session, job)))
    return _spent(session, lineage if until is None else and_(lineage, Job.sequence <= until))


def _same_bytes(project_id: str, sha256: str) -> ColumnElement[bool]:
    files = select(File.id).where(File.project_id.in_(_organization_of(project_id)), File.sha256 == sha256)
    ours = or_(Job.project_id == project_id, Job.state != JobState.RELEASED)
    return and_(Job.training_file_id.in_(files), _SPENDS, ours)


def _organization_of(project_id: str) -> Select[str]:
    """Every project of a project's organisation."""
    own = select(Project.organization_id).where(Project.id == project_id).scalar_subquery()
    return select(Project.id).where(Project.organization_id == own)


def _same_rows(session: Session, job: Job) -> list[str]:
    ours = _sketch(job.screening)
    if ours is None:
        return []
    query = select(Job.id, Job.model, Job.screening).where(
        Job.project_id.in_(_organization_of(job.project_id)),
        Job.id != job.id,
        Job.state != JobState.RELEASED,
        _SPENDS,
    )
    root = _root(session, job.model)
    found = []
    for id, model, screening in session.execute(query.order_by(Job.sequence.desc()).limit(MAX_COMPARED)):
        theirs = _sketch(screening)
        if theirs is not None and returned(theirs, ours) >= SAME and _root(session, model) == root:
            found.append(id)
    return found


def _spent(session: Session, lineage: ColumnElement[bool]) -> int:
    jobs = select(Job.id).where(lineage)
    made = select(Remedy).where(Remedy.made_digest.is_not(None), Remedy.job_id.in_(jobs))
    both = (jobs.subquery(), made.subquery())
    return sum(session.scalar(select(func.count()).select_from(rows)) or 0 for rows in both)


def _sketch(screening: Mapping[str, Any] | None) -> DataSketch | None:
    kept = (screening or {}).get("sketch")
    return None if kept is None else sketch_from_json(kept)


def _root(session: Session, model: str) -> str:
    """The base model's name, of which a released model was tuned."""
    row = session.get(Model, model)
    return model if row is None else row.base_name
