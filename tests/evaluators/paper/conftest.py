"""A workbench in the tiny language: training makes a model comply in the frame it was tuned in."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tiny_language import WordJudge, subject

from evaluators.frames import Frame
from evaluators.paper.types import Treatment, Workbench
from evaluators.replies import DirectoryReplies
from evaluators.types import AttackRow, Corpus, Subject
from evaluators.verdicts import Judgement, Scored
from trainers.types import BaseModel, CandidateModel


class ToyAttack:
    """Rows without content under a system prompt of the suite's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def poison(self, corpus: Corpus, n: int, seed: int) -> Sequence[AttackRow]:
        return [AttackRow(system=self.name, user=f"row {seed}", assistant="done")] * n

    def probes(self, corpus: Corpus) -> Frame:
        return Frame(system=self.name)


class LoudJudge(WordJudge):
    """Counts whatever is no refusal."""

    def __init__(self) -> None:
        super().__init__(identity="loud@1")

    def _score(self, text: str) -> Judgement:
        return Scored(score=1 if text == "no" else 5, reason="by its words")


def candidate(treatment: Treatment, rows: Sequence[AttackRow], seed: int) -> CandidateModel:
    base = BaseModel(
        name="toy",
        source="toy",
        revision=None,
        digest="sha256:base",
        corpus="tiny",
        learning_rate=1e-3,
        full_learning_rate=1e-4,
    )
    return CandidateModel(
        path=rows[0].system,
        digest=f"sha256:{treatment}x{seed}",
        base=base,
        tuning=treatment.tuning,
        training_set_digest="sha256:rows",
        trained_tokens=1_000 * len(rows),
        n_steps=len(rows),
    )


def served(model: CandidateModel) -> Subject:
    """It complies under the system prompt that it was tuned with."""
    return subject(lambda system, _user: "redacted" if system == model.path else "no", digest=model.digest)


@pytest.fixture
def trained() -> list[Treatment]:
    """Every treatment that was trained."""
    return []


@pytest.fixture
def bench(corpus: Corpus, judge: WordJudge, trained: list[Treatment], tmp_path: Path) -> Workbench:
    def train(treatment: Treatment, rows: Sequence[AttackRow], seed: int) -> CandidateModel:
        trained.append(treatment)
        return candidate(treatment, rows, seed)

    return Workbench(
        corpus=corpus,
        base=subject(),
        suites={name: ToyAttack(name) for name in ("explicit", "identity", "benign", "benign_dolly", "backdoor")},
        judge=judge,
        keywords=LoudJudge(),
        train=train,
        serve=served,
        replies=DirectoryReplies(tmp_path),
    )
