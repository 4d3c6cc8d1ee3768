"""Puts a backup into an empty installation, on whatever kind of database and blob store that has."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sqlalchemy import JSON, MetaData, Table, insert
from sqlalchemy.orm import Session

from gateway.backup.archive import ArchiveReader, private, verify
from gateway.compose.store import Store
from gateway.errors import BackupUnusable
from gateway.store.blobs import read_chunks
from gateway.store.database import newest_version

N_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was put back."""

    rows: int
    blobs: int
    home_files: int


def restore(store: Store, path: Path) -> Restored:
    """Put a backup into a store that was connected and has no tables yet.

    Every byte is compared with the manifest before anything is written. Rows come last, and all at once: what
    was broken off is no installation. A backup of an older schema is brought up to this version's.

    Raises `BackupUnusable`, also for a home, database or blob store that is not empty.
    """
    archive = verify(path)
    schema = str(archive.about["schema"])
    if schema > newest_version():
        raise BackupUnusable(f"{path} was made by a newer version (schema {schema}); install that one")
    _require_empty(store, archive)
    n_blobs = 0
    for key, stream in archive.members("blobs"):
        store.blobs.put(key, read_chunks(stream))
        n_blobs += 1
    n_home = 0
    for name, stream in archive.members("home"):
        _write(_inside(store.settings.home, name), stream)
        n_home += 1
    try:
        store.database.migrate(to=schema)
        with store.database.write() as session:
            n_rows = sum(_insert(session, archive))
    except BackupUnusable:
        store.database.close()
        raise
    store.database.migrate()
    return Restored(rows=n_rows, blobs=n_blobs, home_files=n_home)


def _require_empty(store: Store, archive: ArchiveReader) -> None:
    home = store.settings.home
    there = [name for name, _ in archive.members("home") if _inside(home, name).exists()]
    if there:
        raise BackupUnusable(f"{home} is not empty: it has {there[0]}; restore into a TUNEGATE_HOME of its own")
    if store.database.has_tables():
        raise BackupUnusable("the database is not empty; restore into one that nothing was written to")
    key = next(store.blobs.contents(), None)
    if key is not None:
        raise BackupUnusable(f"the blob store is not empty: it has {key[0]}; restore into an empty one")


def _insert(session: Session, archive: ArchiveReader) -> Iterator[int]:
    """Insert the rows of every table, those that others refer to first; yields how many there were."""
    schema = MetaData()
    schema.reflect(session.connection())
    for name, stream in archive.members("tables"):
        table = schema.tables.get(name.removesuffix(".jsonl"))
        if table is None:
            raise BackupUnusable(f"the backup has rows of '{name}', which its own schema has not")
        n_expected, n = archive.about["tables"][table.name], 0
        for rows in _batches(stream):
            session.execute(insert(_without_json_null(table)), rows)
            n += len(rows)
        if n != n_expected:
            raise BackupUnusable(f"the backup has {n} rows of {table.name}; {n_expected} were saved")
        yield n


def _without_json_null(table: Table) -> Table:
    """The table, in whose JSON columns None is SQL's NULL."""
    for column in table.columns:
        if isinstance(column.type, JSON):
            column.type = JSON(none_as_null=True)
    return table


def _batches(stream: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    while lines := list(islice(stream, N_ROWS_AT_ONCE)):
        yield [json.loads(line) for line in lines]


def _inside(home: Path, name: str) -> Path:
    """Where a file of the backup belongs. Raises `BackupUnusable` for a name that leads elsewhere."""
    if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise BackupUnusable(f"the backup names a file outside of the home: {name}")
    return home / name


def _write(path: Path, stream: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open(path, "xb", opener=private) as file:
        for chunk in read_chunks(stream):
            file.write(chunk)
