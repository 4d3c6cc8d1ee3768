"""Leases of serving engines: API processes say what they want, workers say where it answers.

An engine's id (`at`) names the machine that it is for and the base model that it was started with; every released
model of that base is loaded into it. It answers on a Unix socket, so each machine that answers chats has its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from gateway.store.engine_models import EngineLease, Worker


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAddress:
    """Where an engine answers."""

    uds: str
    """Path of its Unix socket."""
    secret: str
    worker_id: str
    """Changes of worker and secret mean another process, which has no adapters loaded yet."""
    until: int
    """Unix second until which it is known to answer, and need not be marked as used."""


UNWANTED_S = 3_600
"""After so long nobody waits any more for an engine that no worker started: its machine is gone."""
USED_EVERY_S = 30
"""How stale `last_used_at` may get: not every chat request writes to the database."""


def at(machine: str, base: str) -> str:
    """The id of the engine that serves a base model on a machine (`gateway.machines`)."""
    return f"{machine}/{base}"


@dataclass(frozen=True, slots=True)
class AddressOf:
    """Where an engine answers: a question that `gateway.store.memory` remembers. How long is the asker's matter."""

    engine_id: str

    def ask(self, session: Session) -> EngineAddress | None:
        """None while a worker has yet to start it."""
        lease = session.get(EngineLease, self.engine_id)
        return None if lease is None else _address(lease)


def want(session: Session, engine_id: str, *, now: int) -> EngineAddress | None:
    """Where an engine answers; None while a worker has yet to start it.

    Marks it as used now, which keeps it from being the one that is stopped for another.
    """
    lease = session.get(EngineLease, engine_id)
    if lease is None:
        session.add(EngineLease(id=engine_id, requested_at=now, last_used_at=now))
        return None
    lease.last_used_at = now
    found = _address(lease)
    return None if found is None or found.until < now else found


def _address(lease: EngineLease) -> EngineAddress | None:
    if lease.address is None or lease.secret is None or lease.worker_id is None:
        return None
    until = min(lease.lease_until or 0, lease.last_used_at + USED_EVERY_S)
    return EngineAddress(uds=lease.address, secret=lease.secret, worker_id=lease.worker_id, until=until)


def unserved(session: Session, *, now: int) -> Sequence[str]:
    """Ids of engines that are wanted and that no living worker serves, oldest request first."""
    leases = session.scalars(select(EngineLease).order_by(EngineLease.requested_at)).all()
    return [lease.id for lease in leases if lease.worker_id is None or (lease.lease_until or 0) < now]


def claim(session: Session, engine_id: str, worker_id: str, *, now: int, lease_s: int) -> bool:
    """Take on starting an engine; False when another worker was quicker."""
    lease = session.get(EngineLease, engine_id)
    if lease is None or (lease.worker_id is not None and (lease.lease_until or 0) >= now):
        return False
    lease.worker_id, lease.address, lease.secret = worker_id, None, None
    lease.lease_until = now + lease_s
    return True


def publish(session: Session, engine_id: str, worker_id: str, *, uds: str, secret: str, now: int, lease_s: int) -> None:
    """Say where a started engine answers, or renew its lease."""
    lease = session.get(EngineLease, engine_id)
    if lease is not None and lease.worker_id == worker_id:
        lease.address, lease.secret = uds, secret
        lease.lease_until = now + lease_s


def withdraw(session: Session, engine_id: str, worker_id: str) -> None:
    """Take back an engine that stopped; the next request asks for it anew."""
    lease = session.get(EngineLease, engine_id)
    if lease is not None and lease.worker_id == worker_id:
        session.delete(lease)


def withdraw_all(session: Session, worker_id: str) -> None:
    """Take back every engine of a worker: it has just started, or it is dead."""
    for lease in session.scalars(select(EngineLease).where(EngineLease.worker_id == worker_id)):
        session.delete(lease)


def last_used(session: Session, worker_id: str) -> Sequence[tuple[str, int]]:
    """(engine id, unix second of last use) of a worker's engines, least recent first."""
    query = select(EngineLease).where(EngineLease.worker_id == worker_id).order_by(EngineLease.last_used_at)
    return [(lease.id, lease.last_used_at) for lease in session.scalars(query)]


def sign_on(session: Session, worker_id: str, *, address: str | None, secret: str, now: int) -> None:
    """Say that a worker has started; its old engines are gone.

    `address` is where it answers moderation requests; None until it is ready.
    """
    withdraw_all(session, worker_id)
    unwanted = EngineLease.worker_id.is_(None), EngineLease.last_used_at < now - UNWANTED_S
    session.execute(delete(EngineLease).where(*unwanted))
    worker = session.get(Worker, worker_id)
    if worker is None:
        worker = Worker(id=worker_id, started_at=now, heartbeat_at=now, secret=secret)
        session.add(worker)
    worker.started_at = worker.heartbeat_at = now
    worker.moderation_address = address
    worker.secret = secret


def heartbeat(session: Session, worker_id: str, *, secret: str, now: int) -> bool:
    """Say that a worker process lives; False when it was buried, or another process goes by its name."""
    worker = session.get(Worker, worker_id)
    if worker is None or worker.secret != secret:
        return False
    worker.heartbeat_at = now
    return True


def living(session: Session, *, since: int) -> Sequence[Worker]:
    """Workers heard of at or after a unix second, the freshest first."""
    query = select(Worker).where(Worker.heartbeat_at >= since).order_by(Worker.heartbeat_at.desc())
    return session.scalars(query).all()


def beats(session: Session) -> Mapping[str, int]:
    """The last heartbeat of every worker that was not buried, by id."""
    return {row.id: row.heartbeat_at for row in session.execute(select(Worker.id, Worker.heartbeat_at))}


def bury(session: Session, worker_id: str) -> None:
    """Forget a dead worker, once its work was taken over."""
    worker = session.get(Worker, worker_id)
    if worker is not None:
        session.delete(worker)
