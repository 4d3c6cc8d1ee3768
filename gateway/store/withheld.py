"""Models of failed jobs whose files are still there, until their verdict, or the want of one, stands for good."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from gateway.store.models import TERMINAL, Job
from gateway.store.records import Reopening, Withheld


def keep(session: Session, job_id: str, *, digest: str, artefact_key: str, until: int) -> None:
    """Keep the files of a model that a job withheld; twice is once."""
    if session.get(Withheld, job_id) is None:
        session.add(Withheld(job_id=job_id, digest=digest, artefact_key=artefact_key, kept_until=until))


def find(session: Session, job_id: str) -> Withheld | None:
    """The withheld model of a job, if its files are still kept."""
    return session.get(Withheld, job_id)


def made_again(session: Session, job_id: str) -> str:
    """The job whose unfinished audit a job makes again; itself for every other job."""
    seen = session.get(Reopening, job_id)
    return made_again(session, seen.of_job_id) if seen is not None and seen.kind == "retry" else job_id


def verdict_on(session: Session, job_id: str) -> Reopening | None:
    """The contest or forced release that a job is, or whose unfinished audit it makes again; None for neither."""
    return session.get(Reopening, made_again(session, job_id))


def over(session: Session, *, now: int) -> Sequence[Withheld]:
    """The models whose time is over; one that a job still looks at again is kept until that job has ended."""
    again = aliased(Job)
    looked_at = (
        select(Reopening.job_id)
        .join(again, again.id == Reopening.job_id)
        .where(Reopening.of_job_id == Withheld.job_id, again.state.not_in(TERMINAL))
        .exists()
    )
    return session.scalars(select(Withheld).where(Withheld.kept_until <= now, ~looked_at)).all()


def expire(session: Session, *, now: int) -> Sequence[str]:
    """Forget the models whose time is over; returns the blob keys that nothing refers to any more."""
    rows = over(session, now=now)
    for row in rows:
        session.delete(row)
    session.flush()
    kept = set(session.scalars(select(Withheld.artefact_key)))
    return [row.artefact_key for row in rows if row.artefact_key not in kept]
