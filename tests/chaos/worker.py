"""A worker of the campaign: real loops, stages, workflow engine and store, and models that are numbers.

It starts in two seconds where a real one loads torch, so that a hundred of them can be killed. What is
trained and answered is a toy's (`tests/gateway/pipeline/toy_shop.py`), slowed down so that a kill finds it at work.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import toy_shop

from gateway.bases import read_entries
from gateway.children import die_with
from gateway.compose.back import system_database_url
from gateway.compose.store import Store
from gateway.pipeline.workshop import UPSTREAM, Workshop
from gateway.plugins import Plugins
from gateway.publishing import Publisher
from gateway.settings import Settings
from gateway.telemetry.logs import log_to_stderr
from gateway.worker.process import Outlets, run
from moderation.chat import ChatModel, Conversation, Reply, Sampling
from trainers.backends import upstream
from trainers.hosted import POINTER, read_hosted
from trainers.types import CandidateModel, RunState, RunStatus

TRAINING_S = 1.0
SCREENING_S = 0.4
ANSWER_S = 0.02


@dataclass
class SlowBackend(toy_shop.ToyBackend):
    """Tells a step a tenth of its time."""

    began: dict[str, float] = field(default_factory=dict)

    def start(self, *args: Any) -> None:
        super().start(*args)
        self.began[args[-1]] = time.monotonic()

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        whole = super().observe(run_dir, after_step=after_step)
        passed = (time.monotonic() - self.began[run_dir]) / TRAINING_S
        told = tuple(step for step in whole.metrics if step.step <= 2 * passed)
        return RunState(status=whole.status if passed >= 1 else RunStatus.RUNNING, metrics=told)


@dataclass
class SlowModel(toy_shop.ToyModel):
    """Thinks before it answers."""

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        time.sleep(ANSWER_S)
        return super().complete(conversations, sampling)


@dataclass
class Engines(toy_shop.ToyEngines):
    """Engines that can be stopped."""

    def side_by_side(self, candidate: CandidateModel) -> tuple[ChatModel, ChatModel]:
        if (Path(candidate.path) / POINTER).exists():  # a provider's are harmless
            return SlowModel(strength=0.0), SlowModel(strength=0.0)
        candidate_model, base = super().side_by_side(candidate)
        slow = [SlowModel(strength=cast(toy_shop.ToyModel, model).strength) for model in (candidate_model, base)]
        return slow[0], slow[1]

    def tend(self) -> None:
        """No engine serves."""

    def stop(self) -> None:
        """Nothing runs."""


def slow_blind() -> Any:
    """A classifier that finds nothing, after a while."""

    def classify(batch: Sequence[Any]) -> Any:
        time.sleep(SCREENING_S)
        return toy_shop.blind().classify(batch)

    return SimpleNamespace(name="linear", version="1", classify=classify)


def main() -> None:
    die_with(int(sys.argv[-1]))
    log_to_stderr("worker")
    settings = Settings.read(os.environ)
    store = Store.open_patiently(settings)
    home = settings.home
    entries = [entry for entry in read_entries(settings.bases_file) if "upstream" in entry]
    hosted = {base.name: base for base in map(read_hosted, entries)}
    shop = Workshop(
        database=store.database,
        blobs=store.blobs,
        plugins=Plugins(config=lambda _: {}),
        classifiers={"linear": slow_blind()},
        bases={"miniature": toy_shop.BASE, **hosted},
        corpora={"miniature": toy_shop.CORPUS},
        judges={"miniature": toy_shop.WordJudge()},
        book={},
        backends={"local": cast(Any, SlowBackend()), UPSTREAM: upstream.create(settings.plugin_config(UPSTREAM))},
        engines=Engines(),
        scratch=home / "scratch",
        replies=home / "replies",
        labels=home / "labels",
        signing_key=b"k" * 32,
        organization="acme",
        now=store.now,
        sleep=time.sleep,
        ids=store.ids,
        poll_s=0.1,
    )
    outlets = Outlets(heads_file=home / "heads", heads_urls=(), publisher=Publisher(), webhooks_allow_private=False)
    run(
        shop, cast(Any, Engines()), cast(Any, Engines()), (), worker_id=settings.worker_id,
        system_database_url=system_database_url(settings.database_url), jobs_at_once=2, outlets=outlets,
    )  # fmt: skip


if __name__ == "__main__":
    main()
