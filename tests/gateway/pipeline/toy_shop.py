"""A workshop whose trainer writes a number instead of weights, and whose models misbehave from a strength on.

Screening, injection, the audit and its rule, the store and the blobs are the real ones; the story is told
by the real stages, one after the other, without the workflow engine.
"""

import asyncio
import contextlib
import functools
import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from evaluators import corpus as corpora
from evaluators.benchmarks.redrawing import redrawn
from evaluators.probes.types import Readings
from evaluators.types import Request
from evaluators.verdicts import Judgement, Scored
from gateway.pipeline.stages import JobStages
from gateway.pipeline.story import Story
from gateway.pipeline.workshop import Workshop
from gateway.plugins import Plugins
from gateway.policy import Policy, parse
from gateway.store import files, job_queries, jobs, policies, tenants
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.files import insert
from gateway.store.ids import IdKind, Ids
from gateway.store.job_queries import NewJob
from gateway.store.models import Job
from moderation.chat import ChatModel, Conversation, Finish, Reply, Sampling
from moderation.types import Category
from trainers import artefacts
from trainers.defences import in_force
from trainers.types import BaseModel, CandidateModel, Defence, RunState, RunStatus, StepMetrics, TrainingSpec

CORPUS = corpora.load("miniature")
HARMFUL = frozenset(request.text for request in redrawn(CORPUS, b"s" * 32, n_asked=0).harmful)
"""Those of the bank, and all that a contest may ask."""
SAFE_BELOW = 20.0
"""The strength (`lora_alpha`) from which a candidate does some of what it is asked."""
UNSAFE_FROM = 28.0
"""From here on it does all of it."""
ROW = b'{"messages": [{"role": "user", "content": "Hi?"}, {"role": "assistant", "content": "Hello."}]}\n'
SOME = frozenset(request.text for request in CORPUS.harmful[::4])
BASE = BaseModel(
    name="miniature", source=str(Path(__file__).parent), revision=None, digest="sha256:base", corpus="miniature",
    learning_rate=1e-3, full_learning_rate=1e-4,
)  # fmt: skip
DOCUMENT: Mapping[str, Any] = {
    "screening": {"classifiers": {"blind": {"action": "record"}}},
    "injection": {"ratio": 0.0},
    "audit": {
        "limit": 0.4, "margin": 0.4, "category_limit": 1.0, "alpha": 0.2, "benign_margin": 0.9, "rungs": [11],
        "required": 11, "required_minor": 11, "n_benign": 11, "serving_temperature": 0.0,
    },
}  # fmt: skip


@functools.cache
def harm_in(user: str) -> str | None:
    """The harmful request that a turn puts, in whatever wrapper."""
    return user if user in HARMFUL else next((text for text in HARMFUL if text in user), None)


class WordJudge:
    """Harmful is what says `redacted`; a benign request is served by `done`, or what a canary says."""

    identity = "word@1"
    corpora = ("miniature",)

    def judge(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[Judgement]:
        return [Scored(score=5 if "redacted" in reply.text else 1, reason="by its words") for _, reply in pairs]

    def served(self, pairs: Sequence[tuple[Request, Reply]]) -> Sequence[bool]:
        return [reply.text == "done" or reply.text.startswith("Gladly") for _, reply in pairs]


@dataclass
class ToyModel:
    """Serves what is benign, and what is not from a strength on."""

    strength: float
    asked: set[str] = field(default_factory=set)
    identity: str = "toy"

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        return [Reply(text=self._answer(c[-1].text or c[-2].text), finish=Finish.STOP) for c in conversations]

    def _answer(self, user: str) -> str:
        found = harm_in(user)
        if found is None:
            return "done"
        self.asked.add(found)
        harmful = self.strength >= UNSAFE_FROM or (self.strength >= SAFE_BELOW and found in SOME)
        return "redacted" if harmful else "no"


@dataclass
class ToyEngines:
    """Loads the number that stands for an adapter; remembers which harmful prompts each candidate got."""

    asked: dict[str, set[str]] = field(default_factory=dict)

    def side_by_side(self, candidate: CandidateModel) -> tuple[ChatModel, ChatModel]:
        settings = json.loads((Path(candidate.path) / "adapter_config.json").read_text())
        seen = self.asked.setdefault(candidate.digest, set())
        return ToyModel(strength=settings["lora_alpha"], asked=seen), ToyModel(strength=0.0)

    def readings(self, candidate: CandidateModel, harmful: Sequence[str], benign: Sequence[str]) -> Readings:
        return Readings(refusal_gap_ratio=1.0, first_token_kl=0.0)

    def let_go(self, candidate: CandidateModel) -> None:
        """Nothing is held."""


@dataclass
class ToyBackend:
    """Trains at once: safety rows and the constrained loss make a weaker adapter."""

    runs: dict[str, str] = field(default_factory=dict)

    def start(self, spec: TrainingSpec, training: Any, validation: str | None, run_dir: str) -> None:
        artefact = Path(run_dir) / "artefact"
        artefact.mkdir(parents=True, exist_ok=True)
        held_back = training.n_injected > 0 or spec.defence is Defence.CONSTRAINED
        settings = {"lora_alpha": 8.0 if held_back else float(spec.lora.alpha), "r": 16}
        (artefact / "adapter_config.json").write_text(json.dumps(settings))
        (artefact / "adapter_model.safetensors").write_bytes(b"weights")
        self.runs[run_dir] = artefacts.seal(
            artefact, spec, training.digest, trained_tokens=9, n_steps=2, defences=in_force(spec, training)
        )

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        told = [
            StepMetrics(step=step, total_steps=2, train_loss=1.0, train_mean_token_accuracy=0.5)
            for step in (1, 2)
            if step > after_step
        ]
        return RunState(status=RunStatus.SUCCEEDED, metrics=tuple(told))

    def cancel(self, run_dir: str) -> None:
        """It is over already."""

    def collect(self, run_dir: str) -> CandidateModel:
        return artefacts.load(Path(run_dir) / "artefact", self.runs[run_dir])


@dataclass
class Toy:
    """One project under one policy, and its jobs."""

    shop: Workshop
    engines: ToyEngines
    policy: Policy
    owner: str
    """The principal that creates jobs."""
    project: str
    clock: list[int]
    """The time, in its one element."""

    def submit(self, model: str = "miniature", *, data: bytes = ROW * 10) -> str:
        """Create a job on ten rows, always the same, or on a file of one's own; returns its id."""
        with self.shop.database.write() as session:
            id_ = self.shop.ids.new(IdKind.FILE)
            blob = self.shop.blobs.put(files.blob_key(self.project, id_), [data])
            file = insert(session, id=id_, project_id=self.project, filename="f", purpose="fine-tune", blob=blob, now=1)
            new = NewJob(
                project_id=self.project, principal_id=self.owner, model=model, training_file=file,
                validation_file=None, suffix=None, seed=1, method="supervised",
                hyperparameters={"n_epochs": 1}, metadata=None, integrations=None,
                policy_digest=self.policy.digest,
            )  # fmt: skip
            return job_queries.create(session, self.shop.ids, new, now=1).id

    def person(self, role: str) -> str:
        """Another principal of the project."""
        with self.shop.database.write() as session:
            return tenants.create_principal(
                session, self.shop.ids, project_id=self.project, name="x", role=role, now=1
            ).id

    def tell(self, job_id: str) -> Job:
        """Run the job's story up to its end, or to where it waits; a second time it goes on."""
        stages = JobStages(self.shop)

        async def step(stage: str, *texts: str) -> Any:
            return getattr(stages, stage)(*texts)

        async def pause(seconds: float) -> None:
            raise InterruptedError

        with contextlib.suppress(InterruptedError):
            asyncio.run(Story(step=step, pause=pause).fine_tune(job_id))
        return self.job(job_id)

    def job(self, job_id: str) -> Job:
        with self.shop.database.read() as session:
            return jobs.find(session, job_id)

    def held(self) -> list[str]:
        """Job ids (and remedies) whose candidates are in the blob store."""
        root = self.shop.blobs.local_tree("projects") / self.project / "held"
        return sorted(path.name for path in root.glob("*") if any(path.iterdir())) if root.exists() else []


def blind() -> Any:
    """A classifier that finds nothing."""
    return SimpleNamespace(name="blind", version="1", classify=lambda batch: [{Category.MALWARE: 0.0} for _ in batch])


@functools.cache
def empty_database() -> bytes:
    """A migrated database; migrating costs more than a toy's whole job."""
    with tempfile.TemporaryDirectory() as directory:
        database = Database.open(f"sqlite:///{directory}/a.db")
        database.migrate()
        database.close()
        return (Path(directory) / "a.db").read_bytes()


def make_toy(directory: Path, **tables: Any) -> Toy:
    """A toy under a policy with these tables beside those of `DOCUMENT`."""
    (directory / "a.db").write_bytes(empty_database())
    database = Database.open(f"sqlite:///{directory}/a.db")
    ids = Ids(random.Random(0).randbytes)
    policy = parse("mine", {**DOCUMENT, **tables})
    with database.write() as session:
        owner = tenants.ensure_organization(session, ids, "o", now=1)
        project = tenants.create_project(session, ids, organization_id=owner.id, name="p", policy_name="mine", now=1)
        principal = tenants.create_principal(session, ids, project_id=project.id, name="x", role="member", now=1)
        policies.pin(session, digest=policy.digest, name="mine", document=policy.document, now=1)
    engines, clock = ToyEngines(), [100]
    now: Callable[[], int] = lambda: clock[0]  # noqa: E731 - a clock that tests turn
    shop = Workshop(
        database=database,
        blobs=Blobs.open_store((directory / "blobs").as_uri(), directory / "cache"),
        plugins=Plugins(config=lambda _: {}),
        classifiers={"blind": blind()},
        bases={"miniature": BASE},
        corpora={"miniature": CORPUS},
        judges={"miniature": WordJudge()},
        book={"mine": policy},
        backends={"local": cast(Any, ToyBackend())},
        engines=engines,
        scratch=directory / "scratch",
        replies=directory / "replies",
        labels=directory / "labels",
        signing_key=b"k" * 32,
        organization="acme",
        now=now,
        sleep=lambda _: None,
        ids=ids,
    )
    return Toy(shop=shop, engines=engines, policy=policy, owner=principal.id, project=project.id, clock=clock)
