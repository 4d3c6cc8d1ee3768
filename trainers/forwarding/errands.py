"""One run at a provider: what comes next is made or looked up, and what it says is mirrored."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson
import tenacity

from moderation.injection.sealing import EXAMPLES
from moderation.injection.sealing import load as load_training_set
from trainers import artefacts, messages
from trainers.defences import in_force
from trainers.errors import Gone, NotNow, TrainingFailed
from trainers.forwarding.answers import discreet, refusal
from trainers.forwarding.ledger import Ledger
from trainers.forwarding.ordering import job_request, rewritten
from trainers.forwarding.outcomes import failure_of, oddity
from trainers.forwarding.provider import Provider, ProviderJob
from trainers.hosted import WITHHELD, Address, Pointer, prefix_of, read_pointer, scrubbed, write_pointer
from trainers.run_directory import Order, RunDirectory
from trainers.types import RunFailure

logger = logging.getLogger(__name__)

CANCEL_ATTEMPTS = 4
IMPORT_PAUSE_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """A run, its order, and the provider it is sent to. All that it learns is in the run's directory."""

    run: RunDirectory
    order: Order
    base: Address
    provider: Provider
    stall_s: float
    clock: Callable[[], float]

    @property
    def start(self) -> str:
        """The provider's name of what training starts from: the base, or the model of a pointer."""
        parent = self.order.spec.parent
        return self.base.model if parent is None else read_pointer(Path(parent.path), parent.digest, self.base).model

    def advance(self) -> RunFailure | None:
        """Make what is not there yet, else mirror the job, and end the run when the job has ended.

        Returns what would be believed if it were said again: a job that is unknown, or that succeeded and
        made nothing. Raises `NotNow`, and `TrainingFailed` for what will not pass.
        """
        try:
            ledger = self._with_files(self._ledger())
            job = self._found_or_created(ledger) if ledger.job is None else self.provider.job(ledger.job)
            if ledger.job is None:
                ledger = replace(ledger, job=job.id)
                ledger.write(self.run)
                logger.info("job %s: a provider trains", self.order.spec.job_id)
            return self._follow(ledger, job)
        except Gone as exc:
            if self._ledger().job is None:
                raise refusal(str(exc)) from exc
            return oddity("vanished")

    def fail(self, failure: RunFailure) -> None:
        """End the run, in words that carry nothing of the provider's."""
        self.run.write_failure(replace(failure, message=scrubbed(failure.message, self._names())))

    def give_up_when_stalled(self) -> None:
        """End a run, here and there, that has had no news for too long."""
        ledger = self._ledger()
        if self.clock() - ledger.moved_at >= self.stall_s:
            self._cancel(ledger)
            self.fail(oddity("stalled", hours=self.stall_s / 3600))

    def stop(self) -> None:
        """Cancel the job there, also one that was made and not written down."""
        self._cancel(self._ledger())

    @property
    def _name(self) -> str:
        """What everything that is made there begins with; a job's remedies learn from sets of their own."""
        return f"{prefix_of(self.order.spec.job_id)}{self.order.training_digest[7:15]}"

    def _names(self) -> Mapping[str, str]:
        """What stands for the provider's names in what the customer reads."""
        # A released model's name there goes before that of its base, which it may contain.
        withheld = dict.fromkeys((self.start, *self._ledger().theirs), WITHHELD)
        return withheld | {self.base.model: self.order.spec.base.name}

    def _ledger(self) -> Ledger:
        return Ledger.open(self.run, now=self.clock())

    def _with_files(self, ledger: Ledger) -> Ledger:
        """The ledger with what has to be uploaded."""
        if ledger.training_file is None:
            rows = Path(self.order.training_path) / EXAMPLES
            ledger = replace(ledger, training_file=self._uploaded(rows, "training"))
            ledger.write(self.run)
        if ledger.validation_file is None and self.order.validation_path is not None:
            rows = rewritten(Path(self.order.validation_path), self.run.root / "validation.jsonl")
            ledger = replace(ledger, validation_file=self._uploaded(rows, "validation"))
            ledger.write(self.run)
        return ledger

    def _uploaded(self, rows: Path, which: str) -> str:
        """Id of a file of rows, uploaded now or by an attempt that died before it could write that down."""
        name = f"{self._name}-{which}.jsonl"
        return next(iter(self.provider.files_named(name)), None) or self.provider.upload(name, rows)

    def _found_or_created(self, ledger: Ledger) -> ProviderJob:
        """The job, made now or by an attempt that died, or had no answer, before it could be written down."""
        assert ledger.training_file is not None
        if (found := next(self.provider.jobs_on((ledger.training_file,)), None)) is not None:
            return found
        if not all(self.provider.is_imported(file) for file in ledger.files):
            raise NotNow("it has not imported the files yet", pause_s=IMPORT_PAUSE_S)
        request = job_request(self.order.spec, self.start, ledger.training_file, ledger.validation_file)
        return self.provider.create_job(request)

    def _follow(self, ledger: Ledger, job: ProviderJob) -> RunFailure | None:
        """Mirror what the job says, and end the run with it; as `advance`, returns what is not believed yet."""
        step = self._mirror(job)
        if (state := f"{job.status} {step}") != ledger.state:
            ledger = replace(ledger, state=state, moved_at=self.clock())
            ledger.write(self.run)
        failure = failure_of(job, self.start)
        if failure is None and job.status == "succeeded" and self._sealed(job, n_steps=step):
            return None
        if failure is None:
            self.give_up_when_stalled()
        elif job.status == "succeeded":
            return failure
        else:
            self.fail(failure)
        return None

    def _mirror(self, job: ProviderJob) -> int:
        """Write down metrics and messages that are new, and return the last step there is."""
        seen, said = self.run.metrics(), [one.key for one in messages.read(self.run.root)]
        news = self.provider.news(job.id, after_step=seen[-1].step if seen else 0, known=said)
        messages.append(self.run, [replace(one, text=discreet(one.text, self._names())) for one in news.messages])
        known = {one.step: one for one in (*seen, *news.metrics)}
        if job.status == "succeeded" and job.result_file is not None:
            known = {one.step: one for one in self.provider.result(job.result_file)} | known
        if len(known) > len(seen):
            lines = (orjson.dumps(asdict(known[step])).decode() for step in sorted(known))
            self.run.write_text("metrics.jsonl", "".join(f"{line}\n" for line in lines))
        return max(known, default=0)

    def _sealed(self, job: ProviderJob, *, n_steps: int) -> bool:
        """Whether the tuned model can be asked; then its pointer is sealed, and the run has succeeded."""
        assert job.model is not None
        asked_as = self.provider.deployed(job.model, self._name)
        if asked_as is None:
            return False
        deployment = "" if asked_as == job.model else asked_as
        self.run.artefact.mkdir(exist_ok=True)
        write_pointer(
            self.run.artefact,
            Pointer(base_url=self.base.base_url, model=job.model, job_id=job.id, deployment=deployment),
        )
        spec, digest = self.order.spec, self.order.training_digest
        sealed = artefacts.seal(
            self.run.artefact,
            spec,
            digest,
            trained_tokens=job.trained_tokens,
            n_steps=n_steps,
            defences=in_force(spec, load_training_set(Path(self.order.training_path), digest)),
        )
        self.run.write_result(sealed)
        return True

    def _cancel(self, ledger: Ledger) -> None:
        """Have the provider stop; a refusal means that there is nothing to stop any more."""
        job_id = self.order.spec.job_id
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(NotNow),
            stop=tenacity.stop_after_attempt(CANCEL_ATTEMPTS),
            wait=tenacity.wait_exponential(multiplier=0.2, max=2.0),
            reraise=True,
        )
        try:
            retrying(self._cancel_once, ledger)
        except (TrainingFailed, Gone):
            logger.info("job %s: the provider's job had ended before it was cancelled", job_id)
        except NotNow as exc:
            logger.error("job %s: the provider did not cancel its job (%s)", job_id, exc)

    def _cancel_once(self, ledger: Ledger) -> None:
        job = ledger.job
        if job is None and ledger.training_file is not None:
            found = next(self.provider.jobs_on((ledger.training_file,)), None)
            job = None if found is None else found.id
        if job is not None:
            self.provider.cancel(job)
