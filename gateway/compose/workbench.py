"""Composition of the paper's experiments: the product's own parts, in one directory, without a server."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from deploy.engine.process import EngineMode, EngineProcess
from deploy.types import TrustedBase
from evaluators import corpus as corpora
from evaluators.paper.types import Treatment, Workbench
from evaluators.replies import DirectoryReplies
from evaluators.types import AttackRow, Corpus, Subject
from gateway.bases import read_bases
from gateway.compose.back import capable_judge
from gateway.compose.checks import plugins, policies
from gateway.pipeline.workshop import LOCAL
from gateway.plugins import ATTACKS, Plugins
from gateway.policy import Policy
from gateway.settings import Settings
from moderation.formats import parsing
from moderation.formats.serialising import examples_to_jsonl, make_example
from moderation.injection import sealing
from moderation.injection.mixing import InjectionPolicy
from moderation.screening import run
from moderation.types import ScreenedDataset
from trainers import spec
from trainers.bases import local_path
from trainers.errors import TrainingFailed
from trainers.types import Backend, BaseModel, CandidateModel, Method, RunStatus, TrainingSpec

BASE = "miniature"
RECORDING = "record-mixing-off"
"""The shipped policy under which screening stops nothing; each experiment says what is mixed in."""
POLL_S = 0.2


@contextmanager
def workbench(directory: Path) -> Iterator[Workbench]:
    """A workbench on the miniature with its state below `directory`; its engine ends with the block.

    It reads no setting of the installation, so the same numbers come out anywhere. Raises a
    `TunegateError` when a part cannot be used.
    """
    settings = Settings.read({"TUNEGATE_HOME": str(directory)})
    installed = plugins(settings)
    base = read_bases(settings.bases_file)[BASE]
    corpus = corpora.load(base.corpus)
    training = _Training(
        directory=directory,
        base=base,
        corpus=corpus,
        policy=policies(settings).find(RECORDING),
        plugins=installed,
        backend=installed.backend(LOCAL),
        sleep=time.sleep,
    )
    judge = capable_judge(installed, corpus)
    trusted = TrustedBase(name=base.name, path=str(local_path(base)), digest=base.digest)
    engine = EngineProcess.start(trusted, EngineMode.AUDIT, log=directory / "engine.log")
    try:
        yield Workbench(
            corpus=corpus,
            base=Subject(digest=base.digest, model=engine.chat(base.name)),
            suites={name: installed.attack(name) for name in sorted(installed.names(ATTACKS))},
            judge=judge,
            train=training.train,
            serve=functools.partial(_serve, engine),
            replies=DirectoryReplies(directory / "replies"),
        )
    finally:
        engine.stop()
        if isinstance(training.backend, _Closable):
            training.backend.close()


def mixing(treatment: Treatment) -> InjectionPolicy:
    """The injection policy that mixes in exactly as many safety examples as the treatment says."""
    # The cap takes back what rounding the ratio up may add.
    return InjectionPolicy(ratio=treatment.n_safety / treatment.n_rows, max_examples=treatment.n_safety)


@runtime_checkable
class _Closable(Protocol):
    """A backend that keeps something of its own, as `local` keeps its trainers."""

    def close(self) -> None:
        """Let go of it; no run goes on."""


def _serve(engine: EngineProcess, candidate: CandidateModel) -> Subject:
    """Load a candidate, again if others have taken its room, and say how to talk to it."""
    name = f"candidate-{candidate.digest[7:39]}"
    engine.load(name, candidate.path, candidate.digest)
    return Subject(digest=candidate.digest, model=engine.chat(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """The stages before the audit, as the pipeline runs them, for rows that nobody uploaded."""

    directory: Path
    base: BaseModel
    corpus: Corpus
    policy: Policy
    plugins: Plugins
    backend: Backend
    sleep: Callable[[float], None]

    def train(self, treatment: Treatment, rows: Sequence[AttackRow], seed: int) -> CandidateModel:
        """Screen under a policy that only records, mix, and train. Raises `TrainingFailed`."""
        named = f"{treatment.attack}-{treatment.n_rows}-{treatment.n_epochs}-{treatment.n_safety}-{seed}"
        home = self.directory / named
        home.mkdir()
        mixed = sealing.inject(
            self._screened(home / "rows.jsonl", rows),
            self.corpus.safety,
            mixing(treatment),
            seed=seed,
            directory=home / "training_set",
        )
        order = TrainingSpec(
            job_id=named,
            base=self.base,
            method=Method.SUPERVISED,
            tuning=self.policy.training.tuning,
            hyperparameters=spec.resolve({"n_epochs": treatment.n_epochs}, mixed.n_examples),
            lora=self.policy.training.lora,
            seed=seed,
            max_length=self.policy.training.max_length,
        )
        run_dir = str(home / "run")
        self.backend.start(order, mixed, None, run_dir)
        self._await_end(named, run_dir)
        return self.backend.collect(run_dir)

    def _screened(self, path: Path, rows: Sequence[AttackRow]) -> ScreenedDataset:
        path.write_bytes(b"".join(examples_to_jsonl(make_example(row.messages()) for row in rows)))
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
