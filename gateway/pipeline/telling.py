"""What a job's events say while others are at work: an audit, a provider."""

from pathlib import Path

from evaluators.audit import Progress
from gateway.pipeline.workshop import Workshop
from gateway.store import events, jobs
from trainers import messages

TENTHS = 10


class AuditTeller:
    """Says once for each tenth of an audit's first looks how far it is, and when the job should end.

    No arm is named: an arm may bear the trigger or the context that screening found. Nor is it told that one climbs,
    as arms do that look bad: an owner who knew could call the job off before its verdict.
    """

    def __init__(self, shop: Workshop, job_id: str) -> None:
        self._shop = shop
        self._job_id = job_id
        self._began: tuple[int, Progress] | None = None
        self._told = 0

    def __call__(self, progress: Progress) -> None:
        """Take in how far the audit is. Raises `JobEnded` or `CancelRequested`: a cancelled job stops here."""
        self._shop.job(self._job_id)
        now = self._shop.now()
        began_at, first = self._began = self._began or (now, progress)
        tenth = TENTHS * progress.done // max(1, first.planned)
        if not self._told < tenth < TENTHS:
            return
        self._told = tenth
        said = f"Safety evaluation: {progress.done:,} of {first.planned:,} replies"
        with self._shop.database.write() as session:
            job = jobs.going_on(session, self._job_id)
            if progress.done > first.done:
                reply_s = (now - began_at) / (progress.done - first.done)
                job.estimated_finish = now + round(reply_s * (first.planned - progress.done))
            events.add(session, job, "audit_progress", said, now=now, step=tenth)


def tell_messages(shop: Workshop, job_id: str, run_dir: Path, kind: str, *, after: int) -> int:
    """Pass on what a provider said of a run beyond its first `after` messages; returns how many there are.

    Each is an event of that kind once, its place the step.
    """
    said = messages.read(run_dir)
    if len(said) > after:
        with shop.database.write() as session:
            job = jobs.going_on(session, job_id)
            for place, one in enumerate(said[after:], start=after + 1):
                text = f"The provider: {one.text}"
                events.add(session, job, kind, text, now=shop.now(), step=place, level=one.level)
    return len(said)
