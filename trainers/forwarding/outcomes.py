"""How a provider's job ended, as the end of ours."""

import re

from trainers.forwarding.answers import MEND
from trainers.forwarding.provider import ProviderJob
from trainers.types import RunFailure

RUNNING = frozenset({"validating_files", "queued", "running", "paused", "pausing", "resuming"})
FAILED_THERE = (
    f"The provider's job failed. {MEND} Lines that it names are those of the training set, in which safety examples "
    "and what was dropped have moved the customer's rows. It says:"
)
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


def is_going_on(job: ProviderJob) -> bool:
    """Whether a job may still make a model."""
    return job.status in RUNNING


def failure_of(job: ProviderJob, start: str) -> RunFailure | None:
    """Why a job of a provider gives no model; None for one that goes on, or that has made one.

    `start` is the provider's name of what it started from: a job that claims to have made that made nothing.
    """
    if is_going_on(job):
        return None
    if job.status == "succeeded":
        return oddity("no_model") if job.model in (None, start) else None
    if job.status == "cancelled":
        return oddity("cancelled")
    if job.status != "failed":
        return oddity("unknown_status")
    code = job.error_code if job.error_code and _CODE.fullmatch(job.error_code) else "training_failed"
    said = job.error_message or "nothing."
    return RunFailure(code=code, message=f"{FAILED_THERE} {said}")


def oddity(what: str, *, hours: float = 0.0) -> RunFailure:
    """What is said of a job that ended as no job should."""
    sentences = {
        "no_model": "The provider says that its job succeeded, and names no model.",
        "vanished": "The provider does not know its job any more.",
        "cancelled": "The provider's job was cancelled by somebody else than the gateway.",
        "unknown_status": "The provider's job is in a state that is not one of OpenAI's.",
        "stalled": f"The provider's job said nothing new for {hours:g} hours, so it was given up.",
    }
    return RunFailure(
        code=f"upstream_{what}", message=f"{sentences[what]} Create the job again, or ask the operator to look there."
    )
