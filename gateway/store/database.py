"""One database, SQLite or Postgres, and the transactions on it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import InstrumentedAttribute, Session

from gateway.store.errors import DatabaseUnavailable
from gateway.store.memory import Memory

SQLITE = "sqlite:///"
MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_ID = 7_061_726
"""Postgres advisory lock that writers take turns by, as SQLite's writers do by themselves."""

N_THREADS = 40
"""Threads that a process works with at most; each may hold a connection without waiting for another."""

POSTGRES_ARGUMENTS = {
    "connect_timeout": 5,
    # A server that fell over without a word is given up after 15 s, not after the kernel's quarter of an hour.
    "tcp_user_timeout": 15_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    # A replica that froze while it had the turn to write loses it.
    "options": "-c lock_timeout=30s -c idle_in_transaction_session_timeout=60s",
}
"""libpq's parameters of every connection."""


class Database:
    """Hands out transactions. Safe to share between threads; open one for each process."""

    def __init__(self, engine: Engine) -> None:
        self._writer = engine
        self._among_others = engine.execution_options(takes_turns=False)
        self._reader = engine.execution_options(read_only=True, postgresql_readonly=True)
        self.memory = Memory(self.read)

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect to a SQLAlchemy URL: `sqlite:////home/me/.tunegate/tunegate.db`, `postgresql://user@host/name`.

        SQLite runs in WAL mode and enforces foreign keys. On both a write waits 30 s for its turn.
        """
        # Text stays readable in JSON columns, and SQLite finds keys that are not ASCII.
        to_json = partial(json.dumps, ensure_ascii=False)
        try:
            parts = make_url(url)
        except ArgumentError as exc:
            raise ValueError("it is not a URL; expected sqlite:////PATH or postgresql://USER@HOST/NAME") from exc
        backend = parts.get_backend_name()
        if backend not in ("sqlite", "postgresql"):
            raise ValueError(f"databases of the kind '{backend}' are not supported; use sqlite or postgresql")
        on_postgres = backend == "postgresql"
        if not on_postgres and not (directory := Path(parts.database or "").parent).is_dir():
            raise ValueError(f"there is no directory {directory}; make it, or name another")
        engine = create_engine(
            url,
            json_serializer=to_json,
            pool_size=N_THREADS // 2,
            max_overflow=N_THREADS - N_THREADS // 2,
            pool_pre_ping=on_postgres,
            connect_args=POSTGRES_ARGUMENTS if on_postgres else {},
        )
        if on_postgres:
            event.listen(engine, "begin", _begin_postgres)
        else:
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return cls(engine)

    @property
    def is_shared(self) -> bool:
        """Whether it is a server's, so that other machines may use it too."""
        return self._writer.dialect.name == "postgresql"

    def migrate(self, to: str = "head") -> None:
        """Bring the schema to the newest version, or to an older one that comes after what it has.

        Safe when several processes start at once. Raises `DatabaseUnavailable`.
        """
        if self.version() == newest_version():
            return
        # Alembic takes longer to import than most commands to run, and most find nothing to do for it.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with translated(), self._writer.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)

    def version(self) -> str | None:
        """The version of the schema; None of an empty database. Raises `DatabaseUnavailable`."""
        with translated(), self._reader.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
            return version

    @contextmanager
    def write(self, *, alone: bool = True) -> Iterator[Session]:
        """One read-write transaction: committed at the end, rolled back on any exception.

        Writers take turns, on Postgres too: what one has read, no other changes before it has written. What is
        written for every request and holds without that (`alone=False`: one statement that counts) need not wait.
        Raises `DatabaseUnavailable`.
        """
        engine = self._writer if alone else self._among_others
        try:
            with translated(), Session(engine, expire_on_commit=False) as session, session.begin():
                yield session
        finally:
            if alone:
                self.memory.doubt()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One read-only transaction; it never waits for a writer. Rows stay readable afterwards.

        Raises `DatabaseUnavailable`.
        """
        with translated(), Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """One read-only transaction whose every query sees the same moment. Raises `DatabaseUnavailable`."""
        # SQLite's transactions are so by themselves.
        one_moment = {"isolation_level": "REPEATABLE READ"} if self.is_shared else {}
        with translated(), Session(self._reader.execution_options(**one_moment)) as session:
            yield session

    def has_tables(self) -> bool:
        """Whether anything was ever written here, by us or by the workflow engine. Raises `DatabaseUnavailable`."""
        with translated(), self._reader.connect() as connection:
            found = inspect(connection)
            return bool(found.get_table_names()) or "dbos" in found.get_schema_names()

    def close(self) -> None:
        """Give every connection back to the operating system."""
        self._writer.dispose()


@contextmanager
def translated() -> Iterator[None]:
    """Raise `DatabaseUnavailable` for what the database's own state, and no statement of ours, is to blame for."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as exc:
        raise DatabaseUnavailable(_words(exc)) from exc
    except InternalError as exc:
        if "read-only" not in str(exc.orig):  # a standby that is not the primary yet takes no writes
            raise
        raise DatabaseUnavailable(_words(exc)) from exc


def _words(exc: Exception) -> str:
    """What the driver says, without the statement and its parameters, which may hold what a customer wrote."""
    said = str(exc.orig) if isinstance(exc, DBAPIError) else "no connection became free"
    return " ".join(said.split())[:200]


def newest_version() -> str:
    """The newest version of the schema: a migration's file bears the name of its revision."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def next_sequence(session: Session, column: InstrumentedAttribute[int]) -> int:
    """The next value of a `sequence` column. Writers take turns, so committed values have one order."""
    lock(session.connection())
    return (session.scalar(select(func.max(column))) or 0) + 1


def lock(connection: Connection) -> None:
    """Exclude other writers until this transaction ends; `BEGIN IMMEDIATE` on SQLite already did."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": LOCK_ID})


def _configure_sqlite(connection: DBAPIConnection, _record: Any) -> None:
    """Per-connection settings; transactions are begun by `_begin_sqlite`, not by the driver."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout = 30000", "journal_mode = WAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_postgres(connection: Connection) -> None:
    """Take turns: a check and the insertion that follows from it are not torn apart by another replica."""
    options = connection.get_execution_options()
    if options.get("takes_turns", True) and not options.get("read_only", False):
        lock(connection)


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once: a lock taken in mid-transaction could fail without waiting."""
    read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
