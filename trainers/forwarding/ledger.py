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
    def open(cls, run: RunDirectory, *, now: float) -> Self:
        """The ledger of a run; a new one is kept at once, for the time without news counts from its start."""
        path = run.root / FILE
        if path.exists():
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        new = cls(moved_at=now)
        new.write(run)
        return new

    def write(self, run: RunDirectory) -> None:
        """Keep it, whole or not at all."""
        run.write(FILE, asdict(self))

    @property
    def files(self) -> tuple[str, ...]:
        """Ids of what was uploaded."""
        return tuple(one for one in (self.training_file, self.validation_file) if one)

    @property
    def theirs(self) -> tuple[str, ...]:
        """Ids that no message may carry."""
        return (*self.files, *([self.job] if self.job else []))
