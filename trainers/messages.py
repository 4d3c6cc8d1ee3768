"""What whoever trains a run says of it in words, kept in its directory in the order it was said."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from trainers.run_directory import RunDirectory

FILE = "messages.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing that was said."""

    key: str
    """Tells it from others; nothing of the provider's can be read out of it."""
    text: str
    level: str
    """`info`, `warn` or `error`."""


def read(run_dir: Path) -> tuple[Message, ...]:
    """All of them, oldest first; none of a run that is trained here."""
    path = run_dir / FILE
    if not path.exists():
        return ()
    return tuple(Message(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines())


def append(run: RunDirectory, new: Sequence[Message]) -> None:
    """Keep what was said since, whole or not at all."""
    if new:
        lines = (json.dumps(asdict(one)) + "\n" for one in (*read(run.root), *new))
        run.write_text(FILE, "".join(lines))
