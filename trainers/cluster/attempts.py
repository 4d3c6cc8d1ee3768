"""Which attempt at a run counts, and how those before it ended."""

import json
from dataclasses import asdict, dataclass, replace

from trainers.run_directory import RunDirectory

FILE = "cluster.json"


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is known of a run's attempts, kept in its directory."""

    number: int = 0
    """The one that counts; 0 before the first."""
    ended: tuple[tuple[int, int], ...] = ()
    """Of each attempt that ended without a result its last step, and how many examples were computed at once where
    memory had run out, else 0: as long as these become fewer, the next one may go further."""

    @classmethod
    def read(cls, run: RunDirectory) -> "Attempts":
        """What the directory says; none before the first."""
        path = run.root / FILE
        if not path.exists():
            return cls()
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(number=data["number"], ended=tuple((step, micro) for step, micro in data["ended"]))

    def write(self, run: RunDirectory) -> None:
        """Keep it, whole or not at all."""
        run.write(FILE, asdict(self))

    def with_end(self, run: RunDirectory) -> "Attempts":
        """With the end of the current attempt; counted once, however often the next one cannot be submitted."""
        if len(self.ended) == self.number:
            return self
        micro, shrunk = run.micro_batch()
        changed = replace(self, ended=(*self.ended, (run.last_step(), micro if shrunk else 0)))
        changed.write(run)
        return changed

    @property
    def n_deaths(self) -> int:
        """How many attempts ended as the last one did."""
        return self.ended.count(self.ended[-1]) if self.ended else 0
