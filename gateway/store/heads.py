"""Heads of the decision log, published to a file: what shows that a whole chain was rewritten.

The file belongs where those who can write the database cannot: another machine's mount, a store that
is written once. A line is `{"at": ..., "hash": ..., "sequence": ...}`, the newest last. An address that
a policy names (`gateway.worker.publishing`) gets the newest line alone.
"""

import fcntl
import json
import os
from pathlib import Path

from gateway.store import decisions
from gateway.store.database import Database
from gateway.store.errors import StoreError
from gateway.store.records import Decision


class HeadsUnusable(StoreError):
    """The file of published heads cannot be written, or holds something else."""


def publish(database: Database, path: Path) -> bool:
    """Append the log's head to the file unless it is its last line; say whether it was new.

    Raises `HeadsUnusable` when the file cannot be written; the decision itself stands.
    """
    with database.read() as session:
        newest = decisions.head(session)
    if newest is None:
        return False
    try:
        return append(path, line_of(newest))
    except OSError as exc:
        raise HeadsUnusable(
            f"entry {newest.sequence} stands, but its head cannot be published to {path}: {exc.strerror}"
        ) from exc


def line_of(entry: Decision) -> bytes:
    """The published form of a head."""
    return json.dumps({"at": entry.at, "hash": entry.hash, "sequence": entry.sequence}).encode() + b"\n"


def append(path: Path, line: bytes) -> bool:
    """Append the line of a head to a file unless it is its last one; say whether it was new. Raises `OSError`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(max(0, file.seek(0, os.SEEK_END) - len(line)))
        if file.read() == line:
            return False
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
    return True


def published(path: Path) -> list[tuple[int, str]]:
    """(sequence, hash) of every published head; none when nothing was published. Raises `HeadsUnusable`."""
    return read(path.read_text(errors="replace"), str(path)) if path.exists() else []


def read(text: str, where: str) -> list[tuple[int, str]]:
    """(sequence, hash) of each head in a text of lines. Raises `HeadsUnusable` that names the line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            value = json.loads(line)
            found.append((int(value["sequence"]), str(value["hash"])))
        except (ValueError, KeyError, TypeError) as exc:
            raise HeadsUnusable(f"{where}, line {number}: not a published head; restore the file") from exc
    return found
