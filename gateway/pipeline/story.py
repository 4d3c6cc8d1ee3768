"""The durable workflow of a job: screen, inject, train, audit, settle, and where the policy asks, remedy.

Every line that does something runs as a step whose outcome is kept, so that a job whose worker was
killed goes on at the stage it was in. A stage may run twice; it is written so that this says and
makes nothing twice.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from gateway.pipeline.outcomes import Kind, Outcome

BROKEN_RETRIES = 2
"""How often a stage that failed for a reason of our own is tried again."""
BROKEN_WAIT_S = 2.0
LONGEST_WAIT_S = 300.0
"""An outage is looked at again after twice as long each time, up to this."""


class Stages(Protocol):
    """The stages of a job, as blocking functions of its id and of what came before."""

    def screen(self, job_id: str) -> Outcome:
        """Read the file and run every check. Done: the data set's digest."""

    def inject(self, job_id: str) -> Outcome:
        """Mix safety examples in. Done: the training set's digest."""

    def train(self, job_id: str, training_set: str) -> Outcome:
        """Train. Done: the candidate's digest."""

    def audit(self, job_id: str, candidate: str) -> Outcome:
        """Judge candidate beside base. Done: the audit report's digest."""

    def settle(self, job_id: str, candidate: str) -> Outcome:
        """Release, withhold, or ask a reviewer, which ends the job. Done: the remedy to try first."""

    def remedy(self, job_id: str, candidate: str, kind: str) -> Outcome:
        """Make another candidate of one that failed. Done: its digest, or the failed one's where none helped."""

    def complain(self, job_id: str, stage: str, outage: str, outcome: str) -> Outcome:
        """Say once an outage that a stage waits: `outage` counts them, `outcome` is its reason."""

    def give_up(self, job_id: str, stage: str, kind: str, reason: str, made: str) -> Outcome:
        """End a job whose stage could not be run within its patience; `made` is what the stage was to go on from."""


Step = Callable[..., Awaitable[Outcome]]
"""`await step(stage_name, *texts)`: run a stage durably and return its outcome."""
Pause = Callable[[float], Awaitable[None]]
"""`await pause(seconds)`: wait durably for so long, or until the job is woken."""


class _Over(Exception):
    """The job reached a terminal state, which is in its row: no later stage is run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Tells the story of a job with a durable `step` and `pause`."""

    step: Step
    pause: Pause

    async def fine_tune(self, job_id: str) -> str:
        """Take a job from its uploaded file to its end; the job's row says which."""
        with suppress(_Over):
            await self._stage(job_id, "screen")
            training_set = await self._stage(job_id, "inject")
            candidate = await self._stage(job_id, "train", training_set)
            while True:
                await self._stage(job_id, "audit", candidate)
                remedy = await self._stage(job_id, "settle", candidate)
                candidate = await self._stage(job_id, "remedy", candidate, remedy)
        return job_id

    async def _stage(self, job_id: str, stage: str, *made_before: str) -> str:
        """Run a stage until it is done; its outages and failures are waited out, within bounds."""
        waited_s, broken, outages, n_down = 0.0, 0, 0, 0
        while True:
            outcome = await self.step(stage, job_id, *made_before)
            if outcome.kind == Kind.DONE:
                return outcome.value
            if outcome.kind == Kind.ENDED:
                raise _Over
            if outcome.kind == Kind.BROKEN:
                broken += 1
                if broken > BROKEN_RETRIES:
                    await self._give_up(job_id, stage, outcome, *made_before)
                await self.pause(BROKEN_WAIT_S)
            elif outcome.kind == Kind.UNAVAILABLE:
                if waited_s >= outcome.patience_s:
                    await self._give_up(job_id, stage, outcome, *made_before)
                if not n_down:
                    outages += 1
                    await self.step("complain", job_id, stage, str(outages), outcome.reason)
                wait_s = backed_off(outcome, n_down, waited_s)
                waited_s += wait_s
                await self.pause(wait_s)
            else:
                await self.pause(outcome.wait_s)
            n_down = n_down + 1 if outcome.kind == Kind.UNAVAILABLE else 0

    async def _give_up(self, job_id: str, stage: str, outcome: Outcome, made: str = "", *_: str) -> None:
        await self.step("give_up", job_id, stage, outcome.kind.value, outcome.reason, made)
        raise _Over


def backed_off(outcome: Outcome, n_before: int, waited_s: float) -> float:
    """How long to wait in an outage that was looked at `n_before` times: longer each time, within the patience."""
    longest = max(outcome.wait_s, LONGEST_WAIT_S)
    return min(outcome.wait_s * 2.0 ** min(n_before, 30), longest, outcome.patience_s - waited_s)
