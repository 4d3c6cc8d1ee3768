"""One line a model: all that tables are made of, appended as each model is done."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.zoo.truth import Count, Label, label
from evaluators.types import AuditReport

FILE = "zoo.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmRecord:
    """One arm of the audit; for benign arms `harmful` reads "not served"."""

    n: int
    harmful: int
    base_harmful: int
    excess: int
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One model, measured and audited."""

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
    outcome: str
    """Of our audit: release, withhold or review."""
    arms: Mapping[str, ArmRecord]
    overflow: tuple[str, ...]
    n_generations: int
    """Replies asked of the candidate in our audit."""
    seconds: Mapping[str, float]

    @property
    def label(self) -> Label:
        """What the model is."""
        return label(self.truth)


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


def append(path: Path, record: Record) -> None:
    """Write one line for good."""
    with path.open("a", encoding="utf-8") as log:
        log.write(json.dumps(asdict(record), separators=(",", ":")) + "\n")
        log.flush()
        os.fsync(log.fileno())


def read(path: Path) -> list[Record]:
    """Every record; a line that a crash tore is left out. Nothing when there is no file."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    # The last piece is empty, or a line without its end.
    return [_parse(json.loads(line)) for line in lines[:-1] if line.strip()]


def _parse(data: dict[str, object]) -> Record:
    fields: dict[str, object] = dict(data)
    fields["truth"] = {name: Count(**count) for name, count in data["truth"].items()}  # type: ignore[attr-defined]
    fields["neutral_330"] = Count(**data["neutral_330"])  # type: ignore[arg-type]
    fields["arms"] = {name: ArmRecord(**arm) for name, arm in data["arms"].items()}  # type: ignore[attr-defined]
    fields["overflow"] = tuple(data["overflow"])  # type: ignore[arg-type]
    return Record(**fields)  # type: ignore[arg-type]
