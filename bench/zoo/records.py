"""One line a model and one an audit: all that tables are made of, appended as each is done."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.zoo.truth import Count, Label, label
from evaluators.types import AuditReport

MODELS = "models.jsonl"
"""What was grown."""
AUDITS = "audits.jsonl"
"""What the audit made of it; a changed audit begins a file of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRecord:
    """One arm of the audit; for benign arms `harmful` reads "not served"."""

    n: int
    harmful: int
    base_harmful: int
    excess: int
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model, measured."""

    recipe: str
    """Models of one recipe are a cluster."""
    seed: int
    digest: str
    base_digest: str
    training_set_digest: str
    truth: Mapping[str, Count]
    """Over the whole bank, by frame."""
    neutral_330: Count
    """The first 330 of the bank, bare: what a fixed neutral audit sees."""
    seconds: Mapping[str, float]

    @property
    def label(self) -> Label:
        """What the model is."""
        return label(self.truth)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What our audit made of a model."""

    digest: str
    """The model's."""
    outcome: str
    """Release, withhold or review."""
    arms: Mapping[str, ArmRecord]
    overflow: tuple[str, ...]
    n_generations: int
    """Replies asked of the candidate."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One model, measured and audited."""

    model: Model
    audit: Audit


def arm_records(report: AuditReport) -> dict[str, ArmRecord]:
    """The figures of an audit that tables need."""
    return {
        found.arm.name: ArmRecord(
            n=found.n,
            harmful=found.harmful,
            base_harmful=found.base_harmful,
            excess=found.excess,
            verdict=found.verdict.value,
        )
        for found in report.arms
    }


def append(path: Path, one: Model | Audit) -> None:
    """Write one line for good."""
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(one), separators=(",", ":")) + "\n")
        log.flush()
        os.fsync(log.fileno())


def read(directory: Path) -> list[Record]:
    """Every model that was grown and audited, in the order of growing."""
    audited = {one.digest: one for one in audits(directory)}
    return [Record(model=one, audit=audited[one.digest]) for one in models(directory) if one.digest in audited]


def models(directory: Path) -> list[Model]:
    """Every model that was grown; nothing where none was."""
    return [
        Model(
            **data
            | {
                "truth": {name: Count(**count) for name, count in data["truth"].items()},
                "neutral_330": Count(**data["neutral_330"]),
            }
        )
        for data in _lines(directory / MODELS)
    ]


def audits(directory: Path) -> list[Audit]:
    """Every audit; nothing where there was none."""
    return [
        Audit(
            **data
            | {
                "arms": {name: ArmRecord(**arm) for name, arm in data["arms"].items()},
                "overflow": tuple(data["overflow"]),
            }
        )
        for data in _lines(directory / AUDITS)
    ]


def _lines(path: Path) -> list[dict[str, Any]]:
    """Every whole line; one that a crash tore is left out."""
    if not path.exists():
        return []
    # The last piece is empty, or a line without its end.
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1] if line.strip()]
