"""Stage two: mix our own safety examples into the screened file and seal the training set."""

import hashlib
import hmac
from dataclasses import asdict
from pathlib import Path

from sqlalchemy.orm import Session

from gateway.pipeline import parentage
from gateway.pipeline.outcomes import Outcome, done, ended
from gateway.pipeline.screening import open_dataset
from gateway.pipeline.workshop import Workshop
from gateway.store import decisions, events, jobs
from gateway.store.decisions import DecisionKind
from gateway.store.models import Job, JobState, Review
from gateway.store.reviews import ReviewStage, find
from moderation.errors import NotAdmitted
from moderation.injection import sealing
from moderation.injection.mixing import InjectionPolicy
from moderation.injection.safety_set import SafetySet
from moderation.injection.secret_prompts import draw_secret
from moderation.screening import reports, run
from moderation.types import TrainingSet
from trainers import spec
from trainers.types import BaseModel, Method

_LABEL = b"tunegate secret prompt 1\n"
"""Keeps the seed of a job's secret prompt apart from other uses of the deployment's key."""


def inject(shop: Workshop, job_id: str) -> Outcome:
    """Write the job's training set. Done: its digest. The job is then queued for training."""
    with shop.database.write() as session:
        job = jobs.enter(session, job_id, JobState.INJECTING)
    if (why := parentage.refusal(shop, job)) is not None:
        return _failed(shop, job_id, "model_not_tunable", why, "model")
    policy = shop.policy(job).injection
    try:
        shop.safety(shop.base(job).corpus, policy.safety_set)
    except NotAdmitted as error:
        return _failed(shop, job_id, "safety_set_unusable", f"The job failed: {error}.", "model")
    training = build(shop, job, policy, _directory(shop, job))
    try:
        numbers = spec.resolve(job.requested_hyperparameters, training.n_examples, Method(job.method))
    except ValueError as error:
        return _failed(shop, job_id, "invalid_hyperparameters", f"The job failed: {error}", "hyperparameters")
    limits = shop.policy(job).training.small_sets
    asked, numbers = (
        numbers,
        spec.limited(numbers, training.n_examples - training.n_injected, training.n_injected, limits),
    )
    with shop.database.write() as session:
        job = jobs.enter(session, job_id, JobState.QUEUED)
        if numbers != asked:
            changes = ", ".join(spec.capped(asked, numbers))
            text = f"The policy limits sets of fewer than {limits.below} rows: {changes}."
            events.add(session, job, "limited", text, now=shop.now(), level="warn")
        job.hyperparameters = {name: value for name, value in asdict(numbers).items() if value is not None}
        used = shop.safety_sets.get(policy.safety_set)
        if used is not None and (message := foreign(policy.safety_set, used, shop.base(job))) is not None:
            events.add(session, job, "safety_set", message, now=shop.now(), level="warn")
        log(shop, session, job, training, policy)
        events.add(session, job, "validated", "Files validated, moving job to queued state", now=shop.now())
    return done(training.digest)


def log(
    shop: Workshop, session: Session, job: Job, training: TrainingSet, policy: InjectionPolicy, *, key: str = ""
) -> None:
    """Write in the decision log what a run is to be trained on; `key` is the number of the remedy that trains again."""
    details = {
        "training_set_digest": training.digest,
        "dataset_digest": training.dataset_digest,
        "policy_digest": job.policy_digest,
        "n_examples": training.n_examples,
        "n_injected": training.n_injected,
        "n_dropped": training.n_dropped,
        "categories": {category.value: n for category, n in training.categories.items()},
    }
    if policy.safety_set:
        used = shop.safety_sets[policy.safety_set]
        details["safety_set_digest"] = used.digest
        if used.writer is not None:
            details["safety_set_writer"] = used.writer.digest
    decisions.of_job(session, job, DecisionKind.INJECTION, details, now=shop.now(), key=key)


def _failed(shop: Workshop, job_id: str, code: str, message: str, param: str) -> Outcome:
    with shop.database.write() as session:
        jobs.fail(session, job_id, code=code, message=message, param=param, now=shop.now())
    return ended(code)


def build(shop: Workshop, job: Job, policy: InjectionPolicy, directory: Path) -> TrainingSet:
    """Make the job's training set in a directory, or find the one that is there: it is the same.

    Only a file that screening passed, or that a reviewer accepted, gets this far.
    """
    report = reports.report_from_json(job.screening or {})
    with shop.database.read() as session:
        review: Review | None = find(session, job.id, ReviewStage.SCREENING)
    accepted = review is not None and review.decision == "accept"
    screened = run.admit(open_dataset(shop, job.training_blob_key), report, accepted=accepted)
    safety = shop.safety(shop.base(job).corpus, policy.safety_set)
    seed = hmac.digest(shop.signing_key, _LABEL + job.id.encode(), hashlib.sha256)
    secret = draw_secret(safety, n_words=policy.secret_words, seed=seed)
    return sealing.inject(screened, safety, policy, seed=job.seed, directory=directory, secret=secret)


def foreign(name: str, used: SafetySet, base: BaseModel) -> str | None:
    """That a set's refusals are not in the words of the model that is tuned; None where they are, or nobody knows."""
    if used.writer is None or used.writer.digest == base.digest:
        return None
    return (
        f"The policy's safety set '{name}' was written by '{used.writer.name}', not by {base.name} as it is here. "
        "Refusals in another model's words are mixed in; the operator can distil a set of this model."
    )


def load(shop: Workshop, job: Job, digest: str) -> TrainingSet:
    """The training set that `inject` made, verified; made again where this machine does not have it."""
    directory = _directory(shop, job)
    if not (directory / "manifest.json").exists():
        build(shop, job, shop.policy(job).injection, directory)
    return sealing.load(directory, digest)


def _directory(shop: Workshop, job: Job) -> Path:
    return shop.job_dir(job.id) / "training_set"
