"""Jobs that look again at a withheld model: their first stages were done by the job that trained it."""

from gateway.pipeline.outcomes import Outcome, done
from gateway.pipeline.workshop import Workshop
from gateway.store import reopenings, withheld


def made_before(shop: Workshop, job_id: str) -> Outcome | None:
    """Done with the candidate's digest, for a job that is another look; None for one that has to make it."""
    with shop.database.read() as session:
        again = reopenings.of_job(session, job_id)
        kept = None if again is None else withheld.find(session, again.of_job_id)
    return None if kept is None else done(kept.digest)
