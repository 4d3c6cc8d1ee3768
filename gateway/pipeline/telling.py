"""What a job's events say of an audit while it runs."""

from evaluators.audit import Progress
from gateway.pipeline.workshop import Workshop
from gateway.store import events, jobs

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
