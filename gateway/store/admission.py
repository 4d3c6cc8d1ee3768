"""Which waiting jobs workers may take up: as many of a project at once as it may run, and none beyond its month."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store import usage
from gateway.store.limits import COST_PER_BUDGET, Limits, Measure, Own
from gateway.store.models import TERMINAL, Job, JobState, Project

ASKING = (JobState.SCREENING_REVIEW, JobState.RELEASE_REVIEW)
"""Jobs that wait for a person take nobody's place."""


def admissible(session: Session, limits: Limits, *, now: int, limit: int = 100) -> Sequence[str]:
    """Ids of jobs that no worker has enqueued yet and that may run now, oldest first.

    Several workers that ask at the same time get the same answer, so together they admit no more than one.
    A job that is to be cancelled is always let in: it ends there.
    """
    waiting = select(Job.id).where(Job.project_id == Project.id, Job.dispatched_at.is_(None)).exists()
    found: list[tuple[int, str]] = []
    projects = select(Project.id, Project.granted, Project.limits).where(waiting)
    for project_id, granted, chosen in session.execute(projects).all():
        own = Own(granted=granted, chosen=chosen)
        mine = select(Job.sequence, Job.id).where(Job.project_id == project_id, Job.dispatched_at.is_(None))
        ending = mine.where(Job.cancel_requested_at.is_not(None))
        going = mine.where(Job.cancel_requested_at.is_(None)).order_by(Job.sequence)
        room = _room(session, project_id, own, limits, now=now)
        for query in (ending.limit(limit), going.limit(limit if room is None else min(room, limit))):
            found += [(sequence, job_id) for sequence, job_id in session.execute(query)]
    return [job_id for _, job_id in sorted(found)[:limit]]


def charge(session: Session, project_id: str, seconds: int, limits: Limits, *, now: int) -> None:
    """Count seconds that a project's job held an accelerator, and what they cost."""
    if seconds > 0:
        usage.add(session, project_id, Measure.GPU_SECONDS, seconds, now=now)
        cost = limits.cost(gpu_seconds=seconds)
        if cost:
            usage.add(session, project_id, Measure.BUDGET, cost, now=now)


def _room(session: Session, project_id: str, own: Own, limits: Limits, *, now: int) -> int | None:
    """How many more jobs of a project may run; None for any number."""
    for measure, unit in ((Measure.GPU_SECONDS, 1), (Measure.BUDGET, COST_PER_BUDGET)):
        most = limits.of_project(own, measure) * unit
        if most and usage.used(session, project_id, measure, now=now) >= most:
            return 0
    at_once = limits.of_project(own, Measure.JOBS_AT_ONCE)
    if not at_once:
        return None
    running = (
        select(func.count())
        .select_from(Job)
        .where(
            Job.project_id == project_id,
            Job.dispatched_at.is_not(None),
            Job.state.not_in((*TERMINAL, *ASKING)),
        )
    )
    return max(at_once - (session.scalar(running) or 0), 0)
