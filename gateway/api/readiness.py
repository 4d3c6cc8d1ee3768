"""Whether jobs and chats can be served now: what is read is looked at each time, what is written once in a while."""

import stat
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.api.metrics import ALIVE_S
from gateway.api.services import Services
from gateway.store import engines, usage
from gateway.store.engine_models import Worker
from gateway.store.errors import BlobsUnavailable, DatabaseUnavailable
from gateway.store.ids import IdKind
from gateway.store.limits import Measure

DATABASE, WORKER, STORE = "database", "worker", "blob store"
EVERY_S = 5.0
"""Nobody needs a key to ask, so a write is not tried for everyone who does."""
SCOPE = "readyz"
"""Whose requests the written counter counts, and the folder of the written blob."""


class Readiness:
    """What is missing. Safe between threads: while one tries a write, the others hear what came of the last."""

    def __init__(self, services: Services, monotonic: Callable[[], float]) -> None:
        self._services = services
        self._monotonic = monotonic
        self._key = f"{SCOPE}/{services.ids.new(IdKind.REQUEST)}"
        self._trying = threading.Lock()
        self._refused: tuple[str, ...] = ()
        self._tried_at: float | None = None

    def missing(self) -> Sequence[str]:
        """The parts that are away, or take no writes."""
        services = self._services
        try:
            with services.database.read() as session:
                workers = engines.living(session, since=services.now() - ALIVE_S)
        except DatabaseUnavailable:
            return (DATABASE,)
        refused = self._refuses_writes()
        if DATABASE in refused:
            return refused  # and where no heart can beat, no worker is known to be dead
        return (*(() if any(map(_is_here, workers)) else (WORKER,)), *refused)

    def _refuses_writes(self) -> tuple[str, ...]:
        if self._trying.acquire(blocking=False):
            try:
                if self._tried_at is None or self._monotonic() - self._tried_at >= EVERY_S:
                    self._refused = tuple(self._try())
                    self._tried_at = self._monotonic()
            finally:
                self._trying.release()
        return self._refused

    def _try(self) -> list[str]:
        refused, services = [], self._services
        try:
            with services.database.write(alone=False) as session:
                usage.add(session, SCOPE, Measure.REQUESTS, 1, now=services.now())
        except DatabaseUnavailable:
            refused.append(DATABASE)
        try:
            services.blobs.put(self._key, [b"ready"])
            services.blobs.delete(self._key)
        except BlobsUnavailable:
            refused.append(STORE)
        return refused


def _is_here(worker: Worker) -> bool:
    """Whether a worker's sockets are on this machine: those of another cannot be reached."""
    try:
        return worker.moderation_address is not None and stat.S_ISSOCK(Path(worker.moderation_address).stat().st_mode)
    except OSError:
        return False
