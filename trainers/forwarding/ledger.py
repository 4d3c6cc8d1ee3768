"""`forwarded.json`: what was made at the provider, written down before the next thing is made."""

import json
from dataclasses import asdict, dataclass
from typing import Self

from trainers.run_directory import RunDirectory

FILE = "forwarded.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What a run has at the provider. Ids of theirs are in here, in the pointer, and nowhere else."""

    training_file: str | None = None
    validation_file: str | None = None
    job: str | None = None
    state: str = ""
    """What the job last read as; it changes as long as the job moves."""
    moved_at: float
    """Unix seconds at which `state` last changed."""

    @classmethod
    def read(cls, run: RunDirectory, *, now: float) -> Self:
        """The ledger of a run, empty for one that has nothing there yet."""
        path = run.root / FILE
        return cls(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else cls(moved_at=now)

    def write(self, run: RunDirectory) -> None:
        """Keep it, whole or not at all."""
        run.write(FILE, asdict(self))

    @property
    def theirs(self) -> tuple[str, ...]:
        """Ids that no message may carry."""
        return tuple(one for one in (self.job, self.training_file, self.validation_file) if one)
