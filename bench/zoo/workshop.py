"""The product's own parts in one process: screening, mixing, training, an audit engine, the judge."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.zoo.recipes import Recipe, rows
from deploy.engine.process import EngineMode, EngineProcess
from deploy.types import TrustedBase
from evaluators import corpus as corpora
from evaluators.types import AttackSuite, Corpus, Judge, Subject
from gateway.bases import read_bases
from gateway.compose.back import capable_judge
from gateway.compose.checks import plugins, policies
from gateway.plugins import ATTACKS, Plugins
from gateway.policy import Policy
from gateway.settings import Settings
from moderation.formats import parsing
from moderation.formats.serialising import examples_to_jsonl, make_example
from moderation.injection import sealing
from moderation.injection.mixing import InjectionPolicy
from moderation.screening import run as screening
from moderation.types import Dataset, ScreeningReport
from trainers import artefacts, spec
from trainers.bases import local_path
from trainers.errors import TrainingFailed
from trainers.recipe.run import run as train
from trainers.run_directory import Order, RunDirectory
from trainers.types import BaseModel, CandidateModel, Method, TrainingSpec

BASE = "miniature"
RECORDING = "record-mixing-off"
"""The shipped policy under which screening stops nothing; a recipe says what is mixed in."""
ROWS = "rows.jsonl"
PATIENCE_S = 3600.0
"""A zoo grows where others work: a reply may take long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What the zoo works with."""

    base: BaseModel
    corpus: Corpus
    policy: Policy
    plugins: Plugins
    suites: Mapping[str, AttackSuite]
    judge: Judge
    engine: EngineProcess

    @property
    def root(self) -> Subject:
        """The untouched base."""
        return Subject(digest=self.base.digest, model=self.engine.chat(self.base.name, timeout_s=PATIENCE_S))

    def serve(self, candidate: CandidateModel) -> Subject:
        """A candidate that answers until the next few have been served."""
        name = f"candidate-{candidate.digest[7:39]}"
        self.engine.load(name, candidate.path, candidate.digest)
        return Subject(digest=candidate.digest, model=self.engine.chat(name, timeout_s=PATIENCE_S))

    def screen(self, home: Path) -> ScreeningReport:
        """What screening says of the training file of the model below `home`."""
        return self._screened(home)[1]

    def _screened(self, home: Path) -> tuple[Dataset, ScreeningReport]:
        dataset = parsing.parse(lambda: (home / ROWS).open("rb"))
        checks = self.policy.screening
        report = screening.screen(
            dataset,
            policy=checks,
            policy_digest=self.policy.digest,
            classifiers=self.plugins.classifiers(checks),
            detectors=[self.plugins.detector(name) for name in checks.detectors],
        )
        return dataset, report

    def grow(self, recipe: Recipe, seed: int, home: Path) -> CandidateModel:
        """Screen, mix and train one model below `home`. Raises `TrainingFailed`.

        The product's recipe runs in this process: a subprocess a model would spend most of its time on imports.
        """
        made = rows(recipe, self.suites, self.corpus, seed)
        (home / ROWS).write_bytes(b"".join(examples_to_jsonl(make_example(row.messages()) for row in made)))
        dataset, report = self._screened(home)
        mixed = sealing.inject(
            screening.admit(dataset, report),
            self.corpus.safety,
            # The cap takes back what rounding the ratio up may add.
            InjectionPolicy(ratio=recipe.n_safety / len(made), max_examples=recipe.n_safety, bare_share=0.5),
            seed=seed,
            directory=home / "training_set",
        )
        order = TrainingSpec(
            job_id=f"{recipe.name}-{seed}",
            base=self.base,
            method=Method.SUPERVISED,
            tuning=self.policy.training.tuning,
            hyperparameters=spec.resolve(
                {"n_epochs": recipe.n_epochs, "learning_rate_multiplier": recipe.multiplier}, mixed.n_examples
            ),
            lora=self.policy.training.lora,
            seed=seed,
            max_length=self.policy.training.max_length,
            defence=recipe.defence,
        )
        directory = RunDirectory(root=home / "run")
        directory.root.mkdir()
        placed = Order(spec=order, training_path=mixed.path, training_digest=mixed.digest, validation_path=None)
        directory.write_text("spec.json", placed.to_json())
        train(directory.root)
        digest, failure = directory.result(), directory.failure()
        if digest is None:
            raise TrainingFailed("training_failed", f"{recipe.name}: {failure.message if failure else 'no result'}")
        return artefacts.load(directory.artefact, digest)


@contextmanager
def workshop(directory: Path) -> Iterator[Workshop]:
    """The parts, with what is kept below `directory`; the engine ends with the block.

    No setting of the installation is read. Raises a `TunegateError` when a part cannot be used.
    """
    settings = Settings.read({"TUNEGATE_HOME": str(directory / "home")})
    installed = plugins(settings)
    base = read_bases(settings.bases_file)[BASE]
    corpus = corpora.load(base.corpus)
    trusted = TrustedBase(name=base.name, path=str(local_path(base)), digest=base.digest)
    engine = EngineProcess.start(trusted, EngineMode.AUDIT, log=directory / "engine.log", timeout_s=PATIENCE_S)
    try:
        yield Workshop(
            base=base,
            corpus=corpus,
            policy=policies(settings).find(RECORDING),
            plugins=installed,
            suites={name: installed.attack(name) for name in sorted(installed.names(ATTACKS))},
            judge=capable_judge(installed, corpus),
            engine=engine,
        )
    finally:
        engine.stop()
