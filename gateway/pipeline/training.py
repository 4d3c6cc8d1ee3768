"""Stage three: train, and keep what comes out where nobody but the audit can reach it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.pipeline import parentage
from gateway.pipeline.injection import load as load_training_set
from gateway.pipeline.outcomes import Outcome, done, ended
from gateway.pipeline.telling import tell_messages
from gateway.pipeline.workshop import Workshop
from gateway.policy import TrainingPolicy
from gateway.reporting import numbers
from gateway.store import events, jobs, remedies, reopenings, withheld
from gateway.store.models import Job, JobState
from moderation.types import TrainingSet
from trainers import artefacts, spec
from trainers.errors import TrainingFailed
from trainers.results import (
    memory_message,
    metrics_message,
    own_rows,
    own_rows_message,
    rendering_message,
)
from trainers.types import (
    CandidateModel,
    Defence,
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
    directory = shop.job_dir(job_id) / "run"
    try:
        training = load_training_set(shop, job, training_set)
        run = Run(spec=spec_of(shop, job, shop.policy(job).training, training), training=training, directory=directory)
        failure = carry_out(shop, job, run)
    except TrainingFailed as error:
        failure = RunFailure(code=error.code, message=str(error))
    if failure is not None:
        with shop.database.write() as session:
            jobs.fail(session, job_id, code=failure.code, message=failure.message, param=None, now=shop.now())
        return ended(failure.code)
    candidate = shop.backend(job).collect(str(directory))
    hold(shop, job, candidate, number=0)
    return done(candidate.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training run of a job; its remedies have runs of their own."""

    spec: TrainingSpec
    training: TrainingSet
    directory: Path
    metrics: str = "metrics"
    """Kind of the events that tell its steps."""


def own_rows_kind(metrics: str) -> str:
    """Kind of the event with what a run made of the validation file; `metrics` is that of its steps' events."""
    return f"own_rows_{metrics}"


def held_key(job: Job, number: int = 0) -> str:
    """Blob key of a candidate that is not released: what the job trained, or its `number`-th remedy made.

    Nothing that answers clients reads below it.
    """
    return f"projects/{job.project_id}/held/{job.id}" + (f"-{number}" if number else "")


def released_key(job: Job) -> str:
    """Blob key of a released model's files."""
    return f"projects/{job.project_id}/models/{job.id}"


def hold(shop: Workshop, job: Job, candidate: CandidateModel, *, number: int) -> None:
    """Put a candidate's files where nobody but the audit can reach them."""
    shop.blobs.put_tree(held_key(job, number), Path(candidate.path))


def key_of(shop: Workshop, job: Job, digest: str) -> str:
    """Blob key of a candidate of the job, or of the withheld one that the job looks at again."""
    with shop.database.read() as session:
        again = reopenings.of_job(session, job.id)
        kept = None if again is None else withheld.find(session, again.of_job_id)
        number = remedies.number_of(session, job.id, digest)
    return held_key(job, number) if kept is None else kept.artefact_key


def load_candidate(shop: Workshop, job: Job, digest: str) -> CandidateModel:
    """A candidate of the job, every byte verified. Raises `SealBroken`."""
    return artefacts.load(shop.blobs.local_tree(key_of(shop, job, digest)), digest)


def carry_out(shop: Workshop, job: Job, run: Run) -> RunFailure | None:
    """Start or resume a run and watch it until it ends; returns why it failed, None when it succeeded.

    A run whose job is cancelled is stopped, before anything else that may take a while.
    """
    try:
        return _watched(shop, job, run)
    except (jobs.CancelRequested, jobs.JobEnded):
        shop.backend(job).cancel(str(run.directory))
        raise
    finally:
        for reporter in shop.reporters:
            reporter.end(job)


def _watched(shop: Workshop, job: Job, run: Run) -> RunFailure | None:
    run_dir, backend = str(run.directory), shop.backend(job)
    backend.start(run.spec, run.training, _validation(shop, job), run_dir)
    seen = n_told = 0
    warned: frozenset[str] = frozenset()
    began: tuple[int, int] | None = None
    n_said = 0
    while True:
        state = backend.observe(run_dir, after_step=seen)
        warned |= _tell_warnings(shop, job.id, run, warned)
        if state.metrics:
            last = state.metrics[-1]
            began = began or (shop.now(), last.step)
            _tell(shop, job.id, run.metrics, state.metrics, finish=estimated_finish(last, began, shop.now()))
            for reporter in shop.reporters:
                reporter.tell(job, state.metrics)
            seen = last.step
            n_told += len(state.metrics)
        n_said = tell_messages(shop, job.id, run.directory, f"provider_{run.metrics}", after=n_said)
        if state.status == RunStatus.SUCCEEDED:
            whole = backend.observe(run_dir, after_step=0).metrics
            if len(whole) > n_told:  # a provider's result file has steps that none of its events told
                _tell(shop, job.id, run.metrics, whole, finish=None)
            _tell_own_rows(shop, job.id, run, whole)
            return None
        if state.status == RunStatus.CANCELLED:
            raise jobs.CancelRequested(job.id)
        if state.status == RunStatus.FAILED:
            return state.failure or RunFailure(
                code="training_failed", message="The training run ended without a model; create the job again."
            )
        shop.sleep(shop.poll_s)
        shop.job(job.id)  # a cancelled job stops here


def spec_of(shop: Workshop, job: Job, policy: TrainingPolicy, training: TrainingSet) -> TrainingSpec:
    """What a run of the job is asked to do under a policy.

    Raises `TrainingFailed` where its parent is gone, or its method cannot be trained under the policy's defence.
    """
    if policy.defence is not Defence.NONE and job.method != Method.SUPERVISED:
        raise TrainingFailed(
            "defence_not_supported",
            f"The policy trains under the defence '{policy.defence}', which is for supervised jobs only; create a "
            "supervised job, or ask the operator for another policy.",
        )
    found = job.hyperparameters or {}
    numbers = Hyperparameters(
        n_epochs=int(found["n_epochs"]),
        batch_size=int(found["batch_size"]),
        learning_rate_multiplier=float(found["learning_rate_multiplier"]),
        beta=float(found["beta"]) if "beta" in found else None,
    )
    small = training.n_examples - training.n_injected < policy.small_sets.below
    return TrainingSpec(
        job_id=job.id,
        base=shop.base(job),
        method=Method(job.method),
        tuning=policy.tuning,
        hyperparameters=numbers,
        lora=policy.lora,
        seed=job.seed,
        max_length=policy.max_length,
        defence=policy.defence,
        restraints=policy.restraints,
        parent=parentage.parent(shop, job),
        capped=_capped(job, training, numbers) if small else (),
    )


def _capped(job: Job, training: TrainingSet, numbers: Hyperparameters) -> tuple[str, ...]:
    asked = spec.resolve(job.requested_hyperparameters, training.n_examples, Method(job.method))
    return spec.capped(asked, numbers)


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


def _tell_warnings(shop: Workshop, job_id: str, run: Run, told: frozenset[str]) -> frozenset[str]:
    """Say once each which rows are not trained on whole, and that memory ran out; the kinds that are told now."""
    messages = {"rendering": rendering_message, "memory": memory_message}
    said = {kind: message_of(run.directory) for kind, message_of in messages.items() if kind not in told}
    news = {kind: message for kind, message in said.items() if message is not None}
    for kind, message in news.items():
        own = kind if run.metrics == remedies.metrics_kind(0) else f"{kind}_{run.metrics}"
        with shop.database.write() as session:
            events.add(session, jobs.find(session, job_id), own, message, now=shop.now(), level="warn")
    return frozenset(news)


def _tell_own_rows(shop: Workshop, job_id: str, run: Run, metrics: Sequence[StepMetrics]) -> None:
    """Say once how base and candidate do on the customer's validation file; the audit's report takes it from there."""
    found = own_rows(run.directory, metrics)
    if found is not None:
        with shop.database.write() as session:
            job, said = jobs.find(session, job_id), own_rows_message(found)
            events.add(session, job, own_rows_kind(run.metrics), said, now=shop.now(), data=asdict(found))


def _tell(shop: Workshop, job_id: str, kind: str, metrics: Sequence[StepMetrics], *, finish: int | None) -> None:
    """One event a training step, once each however often the stage runs; and when the job should end."""
    with shop.database.write() as session:
        job = jobs.find(session, job_id)
        if finish is not None:
            job.estimated_finish = finish
        for step in metrics:
            said, values = metrics_message(step), numbers(step)
            events.add(session, job, kind, said, now=shop.now(), step=step.step, type="metrics", data=values)
