"""Which checkpoints of a run can be resumed, and which are kept.

A checkpoint counts once its mark was written, after all of its files, and while they are as long as the
mark says: a trainer killed while saving leaves a directory without it, a machine that lost its power may
leave files cut short.
"""

import json
import shutil
from pathlib import Path

MARK = "complete"
"""Name of the file that a whole checkpoint has."""
PREFIX = "checkpoint-"
KEPT_EPOCHS = 3
"""OpenAI keeps the checkpoints of the last three epochs."""


def latest(directory: Path) -> Path | None:
    """The complete checkpoint with the most steps; incomplete and damaged ones are removed."""
    for path in directory.glob(f"{PREFIX}*"):
        if not is_complete(path):
            shutil.rmtree(path)
    complete = _complete(directory)
    return complete[-1] if complete else None


def is_complete(checkpoint: Path) -> bool:
    """Whether a run may go on from it."""
    mark = checkpoint / MARK
    return mark.exists() and mark.read_text(encoding="utf-8") == _sizes(checkpoint)


def mark_complete(directory: Path, step: int) -> None:
    """Say that every file of the checkpoint of `step` is written."""
    path = directory / f"{PREFIX}{step}"
    partial = path / f"{MARK}.partial"
    partial.write_text(_sizes(path), encoding="utf-8")
    partial.replace(path / MARK)


def prune(directory: Path, *, steps_per_epoch: int) -> None:
    """Keep the newest checkpoint and those at the ends of the last `KEPT_EPOCHS` epochs."""
    complete = _complete(directory)
    at_epoch_end = [path for path in complete if _step(path) % steps_per_epoch == 0]
    kept = {*complete[-1:], *at_epoch_end[-KEPT_EPOCHS:]}
    for path in complete:
        if path not in kept:
            shutil.rmtree(path)


def _sizes(path: Path) -> str:
    """Bytes of every file of a checkpoint but its mark, as JSON."""
    files = (file for file in sorted(path.rglob("*")) if file.is_file() and not file.name.startswith(MARK))
    return json.dumps({file.relative_to(path).as_posix(): file.stat().st_size for file in files})


def _complete(directory: Path) -> list[Path]:
    return sorted((path for path in directory.glob(f"{PREFIX}*") if is_complete(path)), key=_step)


def _step(path: Path) -> int:
    return int(path.name.removeprefix(PREFIX))
