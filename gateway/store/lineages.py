"""What a project has spent of the audit's error on the same data: same bytes, or for the greater part the same rows."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from gateway.store.models import TERMINAL, File, Job, JobState, Model
from gateway.store.records import Remedy
from moderation.synopses import DataSketch, returned, sketch_from_json

SAME = 0.9
"""From this share of an earlier job's rows on, a file that has them is another attempt at that job's data."""
MAX_COMPARED = 200
"""Earlier jobs whose rows are compared, the newest."""
WITHHELD = and_(Job.state == JobState.FAILED, Job.audit.is_not(None))
"""Jobs whose model an audit, or the people whom it asked, did not let out."""


def on_bytes(session: Session, project_id: str, sha256: str) -> int:
    """Attempts at a file of these bytes so far: jobs that were audited or still may be, and remedies.

    Each look at the same data spends some of the audit's error probability; a job that ended before
    its audit spent none.
    """
    return _spent(session, _same_bytes(project_id, sha256))


def spent(session: Session, job: Job, *, until: int | None = None) -> int:
    """Attempts at a screened job's data so far, its own among them; `until` leaves out jobs of later sequence numbers.

    Beside those on the same bytes, jobs on the same root base count most of whose rows its file has again, where
    their model was withheld or may yet be.
    """
    file = session.get_one(File, job.training_file_id)
    lineage = or_(_same_bytes(job.project_id, file.sha256), Job.id.in_(_same_rows(session, job)))
    return _spent(session, lineage if until is None else and_(lineage, Job.sequence <= until))


def _same_bytes(project_id: str, sha256: str) -> ColumnElement[bool]:
    files = select(File.id).where(File.project_id == project_id, File.sha256 == sha256)
    spends = or_(Job.audit.is_not(None), Job.state.not_in((JobState.FAILED, JobState.CANCELLED)))
    return and_(Job.project_id == project_id, Job.training_file_id.in_(files), spends)


def _same_rows(session: Session, job: Job) -> list[str]:
    ours = _sketch(job.screening)
    if ours is None:
        return []
    query = select(Job.id, Job.model, Job.screening).where(
        Job.project_id == job.project_id, Job.id != job.id, or_(WITHHELD, Job.state.not_in(TERMINAL))
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
