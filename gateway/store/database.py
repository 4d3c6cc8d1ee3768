"""One database, SQLite or Postgres, and the transactions on it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import InstrumentedAttribute, Session

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_ID = 7_061_726
"""Postgres advisory lock that serialises migrations and sequence numbers."""

N_THREADS = 40
"""Threads that a process works with at most; each may hold a connection without waiting for another."""


class Database:
    """Hands out transactions. Safe to share between threads; open one for each process."""

    def __init__(self, engine: Engine) -> None:
        self._writer = engine
        self._reader = engine.execution_options(read_only=True)

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to a SQLAlchemy URL, e.g. `sqlite:////home/me/.tunegate/tunegate.db`.

        SQLite runs in WAL mode, enforces foreign keys and waits 30 s for another process's lock.
        """
        # Text stays readable in JSON columns, and SQLite finds keys that are not ASCII.
        to_json = partial(json.dumps, ensure_ascii=False)
        engine = create_engine(
            url,
            json_serializer=to_json,
            pool_size=N_THREADS // 2,
            max_overflow=N_THREADS - N_THREADS // 2,
            pool_pre_ping=make_url(url).get_backend_name() != "sqlite",
        )
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return cls(engine)

    def migrate(self) -> None:
        """Bring the schema to the newest version. Safe when several processes start at once."""
        if self._version() == newest_version():
            return
        # Alembic takes longer to import than most commands to run, and most find nothing to do for it.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self._writer.begin() as connection:
            lock(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def _version(self) -> str | None:
        """The version of the schema; None of an empty database."""
        with self._reader.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return version

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One read-write transaction: committed at the end, rolled back on any exception."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One read-only transaction; it never waits for a writer. Rows stay readable afterwards."""
        with Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    def close(self) -> None:
        """Give every connection back to the operating system."""
        self._writer.dispose()


def newest_version() -> str:
    """The newest version of the schema: a migration's file bears the name of its revision."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def next_sequence(session: Session, column: InstrumentedAttribute[int]) -> int:
    """The next value of a `sequence` column. Writers take turns, so committed values have one order."""
    lock(session.connection())
    return (session.scalar(select(func.max(column))) or 0) + 1


def lock(connection: Connection) -> None:
    """Exclude other writers until this transaction ends (SQLite's `BEGIN IMMEDIATE` already did)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})


def _configure_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    """Per-connection settings; transactions are begun by `_begin_sqlite`, not by the driver."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a lock taken in mid-transaction could fail without waiting."""
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
