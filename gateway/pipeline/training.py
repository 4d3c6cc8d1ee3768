"""Stage three: train, and keep what comes out where nobody but the audit can reach it."""

from collections.abc import Sequence
from pathlib import Path

from gateway.pipeline.injection import load as load_training_set
from gateway.pipeline.outcomes import Outcome, done, ended
from gateway.pipeline.workshop import Workshop
from gateway.store import events, jobs
from gateway.store.models import Job, JobState
from trainers import artefacts
from trainers.errors import TrainingFailed
from trainers.results import metrics_message, rendering_message
from trainers.types import (
    CandidateModel,
    Hyperparameters,
    Method,
    RunFailure,
    RunStatus,
    StepMetrics,
    TrainingSpec,
)

GUESS_S = 900
"""Seconds that training and audit may take; a guess, as a run's speed is not known before its first steps."""
AUDIT_GUESS_S = 300
"""Seconds that the audit may take after the last step."""


def train(shop: Workshop, job_id: str, training_set: str) -> Outcome:
    """Run or resume the training. Done: the candidate's digest; its files are in the blob store, held."""
    job = shop.enter(job_id, JobState.TRAINING, "started", "Fine-tuning job started", takes_s=GUESS_S)
    run_dir = str(run_directory(shop, job_id))
    try:
        failure = _run(shop, job, training_set, run_dir)
    except (jobs.CancelRequested, jobs.JobEnded):
        shop.backend(job).cancel(run_dir)
        raise
    except TrainingFailed as error:
        failure = RunFailure(code=error.code, message=str(error))
    if failure is not None:
        with shop.database.write() as session:
            jobs.fail(session, job_id, code=failure.code, message=failure.message, param=None, now=shop.now())
        return ended(failure.code)
    candidate = shop.backend(job).collect(run_dir)
    shop.blobs.put_tree(held_key(job), Path(candidate.path))
    return done(candidate.digest)


def run_directory(shop: Workshop, job_id: str) -> Path:
    """Where the training run of a job lives."""
    return shop.job_dir(job_id) / "run"


def held_key(job: Job) -> str:
    """Blob key of a candidate that is not released. Nothing that answers clients reads below it."""
    return f"projects/{job.project_id}/held/{job.id}"


def load_candidate(shop: Workshop, job: Job, digest: str) -> CandidateModel:
    """The candidate that `train` made, every byte verified. Raises `SealBroken`."""
    return artefacts.load(shop.blobs.local_tree(held_key(job)), digest)


def _run(shop: Workshop, job: Job, training_set: str, run_dir: str) -> RunFailure | None:
    """Start and watch the run until it ends; returns why it failed, None when it succeeded."""
    backend = shop.backend(job)
    backend.start(_spec(shop, job), load_training_set(shop, job, training_set), _validation(shop, job), run_dir)
    seen = n_told = 0
    began: tuple[int, int] | None = None
    while True:
        state = backend.observe(run_dir, after_step=seen)
        if state.metrics:
            last = state.metrics[-1]
            began = began or (shop.now(), last.step)
            _tell(shop, job.id, state.metrics, finish=estimated_finish(last, began, shop.now()))
            if not seen:
                _tell_rendering(shop, job.id, run_dir)
            seen = last.step
            n_told += len(state.metrics)
        if state.status == RunStatus.SUCCEEDED:
            whole = backend.observe(run_dir, after_step=0).metrics
            if len(whole) > n_told:  # a provider's result file has steps that none of its events told
                _tell(shop, job.id, whole, finish=None)
            return None
        if state.status == RunStatus.CANCELLED:
            raise jobs.CancelRequested(job.id)
        if state.status == RunStatus.FAILED:
            return state.failure or RunFailure(
                code="training_failed", message="The training run ended without a model; create the job again."
            )
        shop.sleep(shop.poll_s)
        shop.job(job.id)  # a cancelled job stops here


def _spec(shop: Workshop, job: Job) -> TrainingSpec:
    policy = shop.policy(job)
    numbers = job.hyperparameters or {}
    return TrainingSpec(
        job_id=job.id,
        base=shop.bases[job.model],
        method=Method(job.method),
        tuning=policy.training.tuning,
        hyperparameters=Hyperparameters(
            n_epochs=int(numbers["n_epochs"]),
            batch_size=int(numbers["batch_size"]),
            learning_rate_multiplier=float(numbers["learning_rate_multiplier"]),
            beta=float(numbers["beta"]) if "beta" in numbers else None,
        ),
        lora=policy.training.lora,
        seed=job.seed,
        max_length=policy.training.max_length,
        defence=policy.training.defence,
    )


def _validation(shop: Workshop, job: Job) -> str | None:
    return None if job.validation_blob_key is None else str(shop.blobs.local_file(job.validation_blob_key))


def estimated_finish(last: StepMetrics, began: tuple[int, int], now: int) -> int | None:
    """Unix second at which training and audit should be over, None before the speed can be told.

    `began` is when the first steps were seen, and which one was the last of them.
    """
    began_at, first_step = began
    if last.step <= first_step:
        return None
    step_s = (now - began_at) / (last.step - first_step)
    return now + round(step_s * (last.total_steps - last.step)) + AUDIT_GUESS_S


def _tell_rendering(shop: Workshop, job_id: str, run_dir: str) -> None:
    """Say once which rows are not trained on whole."""
    message = rendering_message(Path(run_dir))
    if message is not None:
        with shop.database.write() as session:
            events.add(session, jobs.find(session, job_id), "rendering", message, now=shop.now(), level="warn")


def _tell(shop: Workshop, job_id: str, metrics: Sequence[StepMetrics], *, finish: int | None) -> None:
    """One event a training step, once each however often the stage runs; and when the job should end."""
    with shop.database.write() as session:
        job = jobs.find(session, job_id)
        if finish is not None:
            job.estimated_finish = finish
        for step in metrics:
            events.add(
                session,
                job,
                "metrics",
                metrics_message(step),
                now=shop.now(),
                step=step.step,
                type="metrics",
                data=metrics_data(step),
            )


def metrics_data(metrics: StepMetrics) -> dict[str, float | int]:
    """A step's numbers under OpenAI's names; what was not measured is left out."""
    values = {name: getattr(metrics, name) for name in StepMetrics.__slots__}
    return {name: value for name, value in values.items() if value is not None}
