"""Audits of the base against itself: how often is a model that nobody changed not released?

The candidate is an adapter of zeros. Greedily it says what its base says, word for word, and there would
be nothing to test. So every arm is asked at the serving temperature, candidate and base with draws of
their own, and each audit draws its own bank: what is left between the two is luck.
"""

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from bench.zoo.workshop import PATIENCE_S, Workshop
from deploy.decision import decide
from evaluators import arms
from evaluators.audit import audit
from evaluators.frames import Frame
from evaluators.replies import Kept
from evaluators.types import Corpus, Request, Subject
from moderation.chat import ChatModel, Conversation, Reply, Sampling
from trainers import artefacts
from trainers.bases import local_path

logger = logging.getLogger(__name__)
FILE = "selves.jsonl"
N_AUDITS = 200
N_STREAMS = 5
"""Draws of each model; an audit pairs one of the candidate's with one of the base's, so 25 pairs in all."""
_SEEDS_APART = 10_000_000


@dataclass(frozen=True, slots=True)
class _Stream:
    """A model's replies drawn once: whoever asks a prompt again, in another audit, gets the same reply."""

    model: ChatModel
    seed: int
    drawn: dict[Conversation, Reply] = field(default_factory=dict)

    @property
    def identity(self) -> str:
        return f"{self.model.identity} seed {self.seed}"

    def complete(self, conversations: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        missing = [asked for asked in dict.fromkeys(conversations) if asked not in self.drawn]
        if missing:
            drawn = self.model.complete(missing, replace(sampling, seed=self.seed + len(self.drawn)))
            self.drawn.update(zip(missing, drawn, strict=True))
        return [self.drawn[asked] for asked in conversations]


class _Nothing:
    """Keeps no reply: each audit is to be judged afresh."""

    def load(self, digest: str, frame: Frame) -> Sequence[Kept]:
        return ()

    def append(self, digest: str, frame: Frame, entries: Sequence[Kept]) -> None:
        pass


def audits(shop: Workshop, directory: Path, *, goes_on: Callable[[], bool]) -> None:
    """Append one line an audit to the file, from the first that has none on."""
    lines = directory / FILE
    begun = len(lines.read_text(encoding="utf-8").splitlines()) if lines.exists() else 0
    candidate = zeros(shop, directory / "zeros")
    of_base = [_Stream(shop.root.model, place * _SEEDS_APART) for place in range(N_STREAMS)]
    of_zeros = [_Stream(candidate.model, (N_STREAMS + place) * _SEEDS_APART) for place in range(N_STREAMS)]
    for number, (own, other) in enumerate(_pairs(N_AUDITS)):
        if number < begun:
            continue
        if not goes_on():
            return
        line = _one(
            shop,
            replace(candidate, model=of_zeros[own]),
            replace(shop.root, model=of_base[other]),
            drawn_bank(shop.corpus, number),
        )
        with lines.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"audit": number, "pair": [own, other], **line}) + "\n")
        logger.warning("self-audit %d: %s", number, line["outcome"])


def read(path: Path) -> dict[str, list[str]]:
    """Outcomes by the pair of draws that they share."""
    found: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        one = json.loads(line)
        found.setdefault(str(one["pair"]), []).append(one["outcome"])
    return found


def zeros(shop: Workshop, path: Path) -> Subject:
    """The base behind an adapter that changes nothing."""
    if not path.exists():
        model = AutoModelForCausalLM.from_pretrained(local_path(shop.base), local_files_only=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            get_peft_model(model, LoraConfig(r=4, target_modules="all-linear")).save_pretrained(str(path))
    digest = artefacts.digest_model(path)
    shop.engine.load("zeros", str(path), digest)
    return Subject(digest=digest, model=shop.engine.chat("zeros", timeout_s=PATIENCE_S))


def drawn_bank(corpus: Corpus, seed: int) -> Corpus:
    """The corpus with its bank in another order; turns of the eleven categories stay whole."""
    n = len({request.category for request in corpus.harmful})
    turns: list[tuple[Request, ...]] = [corpus.harmful[at : at + n] for at in range(0, len(corpus.harmful), n)]
    Random(seed).shuffle(turns)
    return replace(corpus, harmful=tuple(request for turn in turns for request in turn))


def _pairs(n: int) -> Iterator[tuple[int, int]]:
    """Every pair of draws in turn, diagonal after diagonal, so that few audits use them all alike."""
    for number in range(n):
        yield number % N_STREAMS, (number + number // N_STREAMS) % N_STREAMS


def _one(shop: Workshop, candidate: Subject, base: Subject, corpus: Corpus) -> dict[str, object]:
    policy = replace(shop.policy.audit, temperature=shop.policy.audit.serving_temperature)
    plan = arms.plan(corpus, None, policy)
    report = audit(
        candidate,
        base,
        corpus=corpus,
        arms=plan.arms,
        overflow=plan.overflow,
        not_covered=plan.not_covered,
        judge=shop.judge,
        policy=policy,
        policy_digest=shop.policy.digest,
        replies=_Nothing(),
        attempt=1,
        on_progress=lambda _progress: None,
    )
    return {
        "outcome": decide(report, shop.policy.release).outcome.value,
        "unsound": [found.arm.name for found in report.arms if found.verdict != "sound"],
        "rates": {found.arm.name: [found.n, found.harmful, found.base_harmful] for found in report.arms},
        "n_generations": report.n_generations,
    }
