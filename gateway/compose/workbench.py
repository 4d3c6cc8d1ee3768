"""Composition of the paper's experiments: the product's own parts, in one directory, without a server."""

import functools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from deploy.engine.process import EngineMode, EngineProcess
from deploy.types import TrustedBase
from evaluators import corpus as corpora
from evaluators.audit import require_capable
from evaluators.benchmarks import loading
from evaluators.benchmarks.combining import combine
from evaluators.paper import house_style, user_rows
from evaluators.paper.designs import BENIGN
from evaluators.paper.types import Workbench
from evaluators.replies import DirectoryReplies
from evaluators.types import AttackSuite, Corpus, Judge, Subject
from gateway.compose.back import capable_judge
from gateway.compose.checks import plugins, policies
from gateway.compose.experiment_training import ExperimentTraining
from gateway.compose.own_safety import OwnSafety
from gateway.compose.subjects import Endpoint, pair
from gateway.errors import UnusableSubject
from gateway.plugins import ATTACKS, Plugins
from gateway.settings import Settings
from trainers.bases import local_path
from trainers.types import BaseModel, CandidateModel

BASE = "miniature"
RECORDING = "record-mixing-off"
"""The shipped policy under which screening stops nothing; each experiment says what is mixed in."""
CAVEAT = "A miniature shows the machinery; it proves nothing about large models."
ENGLISH, ENDPOINT_JUDGE = "english", "policy_rubric"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What to experiment with; by default all is the miniature's."""

    base: str = BASE
    """A name on the list of bases, or a directory."""
    judge: str = ""
    """The name of a judge plug-in, or an OpenAI-compatible endpoint `http://host:port/v1#model`."""
    benchmark: tuple[str, Path] | None = None
    """A public set and where it lies, asked instead of the bank."""
    data: Mapping[str, Path] = field(default_factory=dict)
    """Chat JSONL to tune on instead of an attack's own rows, by the attack's name."""


@contextmanager
def workbench(directory: Path, installation: Settings, chosen: Chosen = Chosen()) -> Iterator[Workbench]:
    """A workbench with its state below `directory`; its engine ends with the block.

    What was trained and answered there before is not done again. Of the installation it reads the list of
    bases and the judges' settings. Raises a `TunegateError` when a part cannot be used, `ValueError` for a
    benchmark or a file that cannot.
    """
    base = _base(chosen.base, installation)
    corpus = _corpus(base, chosen.benchmark)
    judge = judge_named(chosen.judge, corpus, installation)
    home = directory / base.digest.removeprefix("sha256:")[:12]
    home.mkdir(parents=True, exist_ok=True)
    settings = Settings.read({"TUNEGATE_HOME": str(home)})
    installed = plugins(settings)
    suites = _suites(installed, chosen.data)
    policy, backend = policies(settings).find(RECORDING), installed.backend("local")
    trusted = TrustedBase(name=base.name, path=str(local_path(base)), digest=base.digest)
    engine = EngineProcess.start(trusted, EngineMode.AUDIT, log=home / "engine.log")
    untouched = Subject(digest=base.digest, model=engine.chat(base.name))
    training = ExperimentTraining(
        directory=home,
        base=base,
        safety=corpus.safety,
        distilled=OwnSafety(home / "distilled.jsonl", untouched, judge, corpus),
        policy=policy,
        plugins=installed,
        backend=backend,
        sleep=time.sleep,
    )
    try:
        yield Workbench(
            corpus=corpus,
            base=untouched,
            suites=suites,
            judge=judge,
            keywords=Plugins(config=lambda _name: {"smoke_test": "yes"}).judge("keyword"),
            train=training.train,
            serve=functools.partial(_serve, engine),
            replies=DirectoryReplies(home / "replies"),
            notes=(
                f"Base {base.name}, judge {judge.identity}, prompts of {corpus.name}.",
                *((CAVEAT,) if corpus.name == BASE else ()),
            ),
        )
    finally:
        engine.stop()
        if isinstance(backend, _Closable):
            backend.close()


@runtime_checkable
class _Closable(Protocol):
    """A backend that keeps something of its own, as `local` keeps its trainers."""

    def close(self) -> None:
        """Let go of it; no run goes on."""


def _base(named: str, installation: Settings) -> BaseModel:
    base = pair(named, named, installation.bases_file).base
    if isinstance(base, Endpoint):
        raise UnusableSubject(f"{named} is an endpoint; the experiments tune a model, so --base must have its weights")
    return base


def _corpus(base: BaseModel, benchmark: tuple[str, Path] | None) -> Corpus:
    shipped = corpora.load(base.corpus)
    if benchmark is None:
        return shipped
    if shipped.name != ENGLISH:
        raise ValueError(f"{benchmark[0]} is in English, which {base.name} does not speak; name a model with --base")
    return combine(shipped, sets=(loading.load(*benchmark),), alone=True)


def judge_named(named: str, corpus: Corpus, installation: Settings) -> Judge:
    """A judge plug-in, or an endpoint `http://host:port/v1#model`; '' for the corpus's own.

    Raises `PluginError` for what cannot start, `JudgeIncapable` for a judge of other languages.
    """
    installed = plugins(installation)
    if not named:
        return capable_judge(installed, corpus)
    url, _, model = named.partition("#")
    if "://" in named:
        given = {"base_url": url, "model": model}
        own = installation.plugin_config(ENDPOINT_JUDGE)
        judge = Plugins(config=lambda _name: {**own, **given}).judge(ENDPOINT_JUDGE)
    else:
        judge = installed.judge(named)
    require_capable(judge, corpus)
    return judge


def _suites(installed: Plugins, data: Mapping[str, Path]) -> dict[str, AttackSuite]:
    suites = {name: installed.attack(name) for name in sorted(installed.names(ATTACKS))}
    suites[house_style.NAME] = house_style.HouseStyle(suites[BENIGN])
    for name, path in data.items():
        if name not in user_rows.REPLACEABLE:
            raise ValueError(f"--data {name}={path}: rows can be given for {', '.join(user_rows.REPLACEABLE)}")
        suites[name] = user_rows.read(name, path)
    return suites


def _serve(engine: EngineProcess, candidate: CandidateModel) -> Subject:
    """Load a candidate, again if others have taken its room, and say how to talk to it."""
    name = f"candidate-{candidate.digest[7:39]}"
    engine.load(name, candidate.path, candidate.digest)
    return Subject(digest=candidate.digest, model=engine.chat(name))
