"""Makes a backup while the installation goes on working."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.backup.archive import ArchiveWriter, create
from gateway.compose.store import Store
from gateway.settings import Settings
from gateway.store.database import SQLITE, newest_version
from gateway.store.engine_models import EngineLease, Validity, Worker
from gateway.store.models import Base, File

OF_PROCESSES = frozenset({Worker.__tablename__, EngineLease.__tablename__, Validity.__tablename__})
"""Tables that say which processes run where, and what they may remember."""
NOT_KEPT = frozenset({"cache", "logs", "replies", "scratch", "vllm"})
"""Directories of a home whose content can be made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a backup holds."""

    rows: int
    blobs: int
    home_files: int
    missing: tuple[str, ...]
    """Ids of files whose bytes are not in the blob store, although nobody deleted them."""


def save(store: Store, path: Path) -> Saved:
    """Write everything that is kept into one file.

    The rows are one moment's. Blobs are copied after it: they are written before the rows that name them and
    never change. One that was deleted meanwhile is left out. The workflow engine's steps are not saved: a job
    that had not ended begins anew where the backup is restored.
    """
    with create(path) as archive, TemporaryDirectory(dir=path.parent) as scratch:
        made_at, n_rows = _save_rows(store, archive, Path(scratch))
        keys = set(_save_blobs(store, archive))
        n_home = _save_home(store, archive, path)
        with store.database.read() as session:
            missing = tuple(_missing(session, keys, made_before=made_at))
        archive.finish({"made_at": made_at, "schema": newest_version(), "tables": n_rows})
    return Saved(rows=sum(n_rows.values()), blobs=len(keys), home_files=n_home, missing=missing)


def home_files(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Relative name and path of what lies in a home and cannot be made again, but for database and blobs."""
    home, elsewhere = settings.home, [settings.blob_url.removeprefix("file://").rstrip("/") + "/"]
    if settings.database_url.startswith(SQLITE):
        elsewhere.append(settings.database_url.removeprefix(SQLITE))  # and what SQLite keeps beside it
    for path in sorted(home.rglob("*")):
        name = path.relative_to(home)
        volatile = name.parts[0] in NOT_KEPT or name.suffix in (".lock", ".log")
        if path.is_file() and not volatile and not str(path).startswith(tuple(elsewhere)):
            yield name.as_posix(), path


def _save_rows(store: Store, archive: ArchiveWriter, scratch: Path) -> tuple[int, dict[str, int]]:
    """Save the rows of one moment; returns it (unix seconds) and the number of rows by table."""
    tables = [table for table in Base.metadata.sorted_tables if table.name not in OF_PROCESSES]
    counts = {}
    with store.database.snapshot() as session:
        made_at = store.now()
        for table in tables:
            with (scratch / table.name).open("w", encoding="utf-8") as file:
                n = 0
                for row in session.execute(select(table), execution_options={"yield_per": 500}).mappings():
                    file.write(json.dumps(dict(row), ensure_ascii=False) + "\n")
                    n += 1
            counts[table.name] = n
    for table in tables:
        with (scratch / table.name).open("rb") as stream:
            archive.add(f"tables/{table.name}.jsonl", stream)
    return made_at, counts


def _save_blobs(store: Store, archive: ArchiveWriter) -> Iterator[str]:
    for key, _ in store.blobs.contents():
        try:
            with store.blobs.open(key) as stream:
                archive.add(f"blobs/{key}", stream)
        except FileNotFoundError:
            continue
        yield key


def _save_home(store: Store, archive: ArchiveWriter, backup: Path) -> int:
    n = 0
    for name, path in home_files(store.settings):
        if path.parent == backup.parent and path.name.startswith(backup.name):
            continue  # the backup itself
        with path.open("rb") as stream:
            archive.add(f"home/{name}", stream)
        n += 1
    return n


def _missing(session: Session, keys: set[str], *, made_before: int) -> Iterator[str]:
    query = select(File.id, File.blob_key, File.expires_at).where(
        File.deleted_at.is_(None), File.created_at < made_before
    )
    for id, key, expires_at in session.execute(query):
        if key not in keys and (expires_at is None or expires_at > made_before):
            yield id
