"""The tables by which processes find each other: workers, and the engines that they lease out."""

from sqlalchemy import BigInteger, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.store.models import Base


class Worker(Base):
    """A worker process and when it was last heard of."""

    __tablename__ = "workers"
    id: Mapped[str] = mapped_column(primary_key=True)
    """Also DBOS's `executor_id`."""
    started_at: Mapped[int]
    heartbeat_at: Mapped[int]
    moderation_address: Mapped[str | None]
    """Unix socket where this worker answers moderation requests."""
    secret: Mapped[str] = mapped_column(String)


class EngineLease(Base):
    """A serving engine that is wanted or runs. API processes route by these rows."""

    __tablename__ = "engines"
    id: Mapped[str] = mapped_column(primary_key=True)
    """Machine, and name of the base model that the engine is started with (`engines.at`)."""
    worker_id: Mapped[str | None]
    address: Mapped[str | None]
    """Path of the Unix socket; null while it starts."""
    secret: Mapped[str | None]
    requested_at: Mapped[int]
    last_used_at: Mapped[int]
    lease_until: Mapped[int | None]


class Validity(Base):
    """One row. Its number changes with what stops being so of keys, models and engines (`gateway.store.memory`)."""

    __tablename__ = "validity"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"))
