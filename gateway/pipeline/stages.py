"""The stages as the story calls them, with what is the same for all: cancellation, outages, tidying up."""

import logging
import shutil
import time
from collections.abc import Callable

from gateway.pipeline import leftovers
from gateway.pipeline.auditing import audit, left_in_the_hold, unaudited
from gateway.pipeline.injection import inject
from gateway.pipeline.outcomes import Kind, Outcome, done, ended
from gateway.pipeline.remedying import remedy
from gateway.pipeline.reopening import made_before
from gateway.pipeline.screening import screen
from gateway.pipeline.settling import settle
from gateway.pipeline.tracing import tell_stage
from gateway.pipeline.training import held_key, released_key, train
from gateway.pipeline.workshop import Workshop
from gateway.store import admission, events, files, jobs, remedies, withheld
from gateway.store.models import JobState

logger = logging.getLogger(__name__)

LOST = "go on"
"""What a job whose workflow was lost could not do."""
OUTAGES = {
    "screen": "Screening waits: {reason} The file is not trained on until every check has answered.",
    "remedy": "The remedy waits: {reason} The model stays held.",
    "audit": "The safety evaluation waits: {reason} The model stays held until it is complete.",
}


class JobStages:
    """Runs stages in a workshop; each may run twice and then says and makes nothing twice."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop

    def screen(self, job_id: str) -> Outcome:
        """Read the file and run every check."""
        return self._run("screen", job_id, lambda: made_before(self._shop, job_id) or screen(self._shop, job_id))

    def inject(self, job_id: str) -> Outcome:
        """Mix safety examples in."""
        return self._run("inject", job_id, lambda: made_before(self._shop, job_id) or inject(self._shop, job_id))

    def train(self, job_id: str, training_set: str) -> Outcome:
        """Train."""
        return self._metered(
            "train", job_id, lambda: made_before(self._shop, job_id) or train(self._shop, job_id, training_set)
        )

    def audit(self, job_id: str, candidate: str) -> Outcome:
        """Judge candidate beside base."""
        return self._metered("audit", job_id, lambda: audit(self._shop, job_id, candidate))

    def settle(self, job_id: str, candidate: str) -> Outcome:
        """Release, withhold, ask a reviewer, or name the remedy to try first."""
        return self._run("settle", job_id, lambda: settle(self._shop, job_id, candidate))

    def remedy(self, job_id: str, candidate: str, kind: str) -> Outcome:
        """Make another candidate of one that failed."""
        return self._metered("remedy", job_id, lambda: remedy(self._shop, job_id, candidate, kind))

    def complain(self, job_id: str, stage: str, outage: str, reason: str) -> Outcome:
        """Warn in the job's log, once an outage."""
        text = OUTAGES.get(stage, "The job waits: {reason}").format(reason=sentence(reason))
        with self._shop.database.write() as session:
            job = jobs.find(session, job_id)
            events.add(session, job, f"{stage}_outage", text, now=self._shop.now(), level="warn", step=int(outage))
        logger.warning("job %s: %s is unavailable, waiting", job_id, stage)
        return done("")

    def give_up(self, job_id: str, stage: str, kind: str, reason: str, made: str = "") -> Outcome:
        """End a job whose stage could not be run. It was not found unsafe, and nothing is released.

        `made` is the candidate where there is one, which is kept like a withheld one: its audit can be made again.
        """
        if stage == LOST:
            made = left_in_the_hold(self._shop, job_id)
        if made and stage in (LOST, "audit", "settle", "remedy"):
            return self._over(job_id, unaudited(self._shop, job_id, made, sentence(reason)))
        if kind == Kind.UNAVAILABLE and stage == "screen":
            code = "screening_unavailable"
            text = "The training file could not be screened, so it was not trained on."
        else:
            code = "server_error"
            text = f"The job failed for a reason of the gateway's own while it had to {stage}."
        with self._shop.database.write() as session:
            message = f"{text} {sentence(reason)} Create the job again, or ask the operator."
            jobs.fail(session, job_id, code=code, message=message, param=None, now=self._shop.now())
        logger.error("job %s: gave up in stage %s (%s)", job_id, stage, code)
        return self._over(job_id, ended(code))

    def _metered(self, name: str, job_id: str, stage: Callable[[], Outcome]) -> Outcome:
        """Run a stage that holds an accelerator, and count its seconds to the project however it ends."""
        began = self._shop.now()
        try:
            return self._run(name, job_id, stage)
        finally:
            ended_at = self._shop.now()
            with self._shop.database.write() as session:
                project_id = jobs.find(session, job_id).project_id
                admission.charge(session, project_id, ended_at - began, self._shop.limits, now=ended_at)

    def _run(self, name: str, job_id: str, stage: Callable[[], Outcome]) -> Outcome:
        """Run a stage to its outcome, and tell of it however it comes out."""
        began_ns, outcome = time.time_ns(), None
        try:
            outcome = self._outcome(job_id, stage)
        finally:
            tell_stage(self._shop, name, job_id, outcome, began_ns=began_ns)
        return outcome

    def _outcome(self, job_id: str, stage: Callable[[], Outcome]) -> Outcome:
        try:
            outcome = stage()
        except jobs.JobEnded as error:
            outcome = ended(error.state)
        except jobs.CancelRequested:
            with self._shop.database.write() as session:
                jobs.cancel(session, job_id, now=self._shop.now())
            outcome = ended("cancelled")
        return self._over(job_id, outcome) if outcome.kind == Kind.ENDED else outcome

    def _over(self, job_id: str, outcome: Outcome) -> Outcome:
        """What nobody may use any more leaves with the job: scratch files, the held model, deleted uploads."""
        with self._shop.database.read() as session:
            job = jobs.find(session, job_id)
            keys = [key for key in (job.training_blob_key, job.validation_blob_key) if key is not None]
            unneeded = files.unneeded(session, keys)
            n_remedies = len(remedies.every(session, job_id))
            kept = withheld.find(session, job_id)
        held = [held_key(job, number) for number in range(n_remedies + 1)]
        dropped = [key for key in held if kept is None or kept.artefact_key != key]
        leftovers.stop(self._shop, job)
        leftovers.note_job(self._shop, job, dropped=dropped, kept=() if kept is None else (kept.artefact_key,))
        shutil.rmtree(self._shop.scratch / job_id, ignore_errors=True)
        for key in dropped:
            self._shop.blobs.delete_tree(key)
        for key in unneeded:
            self._shop.blobs.discard(key)
        if job.state != JobState.RELEASED:
            # One that was cancelled in the middle of its release has left a copy, with an attestation.
            self._shop.blobs.discard_tree(released_key(job))
        logger.info("job %s: %s", job_id, outcome.reason)
        return outcome


def sentence(text: str) -> str:
    """The text with a full stop."""
    return text if text.endswith((".", "!", "?")) else f"{text}."
