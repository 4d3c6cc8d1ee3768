"""How an experiment of the paper trains: the stages before the audit, as the pipeline runs them."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluators.paper.types import Treatment
from evaluators.types import AttackRow
from gateway.plugins import Plugins
from gateway.policy import Policy
from moderation.formats import parsing
from moderation.formats.serialising import examples_to_jsonl, make_example
from moderation.injection import sealing
from moderation.injection.mixing import InjectionPolicy
from moderation.injection.secret_prompts import draw_secret
from moderation.screening import run
from moderation.types import SafetyExample, ScreenedDataset
from trainers import spec
from trainers.errors import TrainingFailed
from trainers.types import Backend, BaseModel, CandidateModel, Method, RunStatus, TrainingSpec

POLL_S = 0.2


def mixing(treatment: Treatment) -> InjectionPolicy:
    """The injection policy that mixes in exactly as many safety examples as the treatment says."""
    # The cap takes back what rounding the ratio up may add.
    return InjectionPolicy(
        ratio=treatment.n_safety / treatment.n_rows,
        max_examples=treatment.n_safety,
        secret_words=treatment.secret_words,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentTraining:
    """Screening, mixing and training of rows that nobody uploaded."""

    directory: Path
    base: BaseModel
    safety: Sequence[SafetyExample]
    distilled: Callable[[], Sequence[SafetyExample]]
    """The base's own safety examples, made when they are first wanted; may be called by several threads."""
    policy: Policy
    plugins: Plugins
    backend: Backend
    sleep: Callable[[float], None]

    def train(self, treatment: Treatment, rows: Sequence[AttackRow], seed: int) -> CandidateModel:
        """Screen under a policy that only records, mix, and train, or take what was trained so before.

        A run that was killed goes on from its last checkpoint. Raises `TrainingFailed`.
        """
        data = b"".join(examples_to_jsonl(make_example(row.messages()) for row in rows))
        base = (self.base.learning_rate, self.base.full_learning_rate)
        wanted = json.dumps([asdict(treatment), seed, base, self.policy.digest])
        named = f"{treatment.attack}-{hashlib.sha256(wanted.encode() + data).hexdigest()[:16]}"
        home = self.directory / "models" / named
        run_dir = str(home / "run")
        if self.backend.observe(run_dir, after_step=0).status is RunStatus.SUCCEEDED:
            return self.backend.collect(run_dir)
        home.mkdir(parents=True, exist_ok=True)
        mixed = sealing.inject(
            self._screened(home / "rows.jsonl", data),
            self.distilled() if treatment.distilled else self.safety,
            mixing(treatment),
            seed=seed,
            directory=home / "training_set",
            # Nothing is served here, so that another run may know it.
            secret=draw_secret(self.safety, n_words=treatment.secret_words, seed=f"experiment {seed}".encode()),
        )
        asked = {
            "n_epochs": treatment.n_epochs,
            "batch_size": treatment.batch_size,
            "learning_rate_multiplier": treatment.rate_multiplier,
        }
        order = TrainingSpec(
            job_id=named,
            base=self.base,
            method=Method.SUPERVISED,
            tuning=treatment.tuning,
            hyperparameters=spec.resolve(asked, mixed.n_examples),
            lora=self.policy.training.lora,
            seed=seed,
            max_length=self.policy.training.max_length,
            defence=treatment.defence,
            restraints=treatment.restraints,
        )
        self.backend.start(order, mixed, None, run_dir)
        self._await_end(named, run_dir)
        return self.backend.collect(run_dir)

    def _screened(self, path: Path, data: bytes) -> ScreenedDataset:
        path.write_bytes(data)
        dataset = parsing.parse(lambda: path.open("rb"))
        checks = self.policy.screening
        report = run.screen(
            dataset,
            policy=checks,
            policy_digest=self.policy.digest,
            classifiers=self.plugins.classifiers(checks),
            detectors=[self.plugins.detector(name) for name in checks.detectors],
        )
        return run.admit(dataset, report)

    def _await_end(self, named: str, run_dir: str) -> None:
        while (state := self.backend.observe(run_dir, after_step=0)).status is RunStatus.RUNNING:
            self.sleep(POLL_S)
        if state.status is not RunStatus.SUCCEEDED:
            why = state.failure.message if state.failure else f"the run was {state.status}"
            raise TrainingFailed("training_failed", f"experiment {named}: {why}")
