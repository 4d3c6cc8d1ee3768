"""Engines for clients. They load released models only, and are found through leases in the database."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.engine.process import EngineMode, EngineProcess
from deploy.errors import EngineUnavailable
from deploy.types import TrustedBase, UpstreamServer, VllmServer
from gateway.store import engines, released
from gateway.store.database import Database
from trainers.bases import local_path
from trainers.hosted import address
from trainers.types import BaseModel

LEASE_S = 60
MAX_ENGINES = 2
"""Engines a worker keeps; the least recently used makes room."""

logger = logging.getLogger(__name__)


class ServingEngines:
    """Starts the engines that API processes ask for, and says where they answer."""

    def __init__(
        self,
        database: Database,
        bases: Mapping[str, BaseModel],
        servers: Mapping[str, VllmServer | UpstreamServer],
        *,
        worker_id: str,
        machine: str,
        deployment_key: bytes,
        logs: Path,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._bases = bases
        self._servers = servers
        self._worker_id = worker_id
        self._deployment_key = deployment_key
        self._logs = logs
        self._now = now
        self._leases = {base: engines.at(machine, base) for base in bases}
        self._running: dict[str, EngineProcess] = {}

    def tend(self) -> None:
        """Drop what died, renew what runs, start what is wanted. Called again and again by one thread.

        What is no longer released is unloaded; nobody is led to it from the moment it was revoked.
        """
        for engine_id, engine in list(self._running.items()):
            if engine.alive():
                self._publish(engine_id, engine)
                self._unload_withdrawn(engine)
            else:
                self._stop(engine_id)
        for engine_id in self._wanted():
            self._start(engine_id)

    def stop(self) -> None:
        """End every engine and take back its lease."""
        for engine_id in list(self._running):
            self._stop(engine_id)

    def _unload_withdrawn(self, engine: EngineProcess) -> None:
        try:
            loaded = engine.models()[1:]
            with self._database.read() as session:
                withdrawn = [name for name in loaded if released.in_service(session, name) is None]
            for name in withdrawn:
                engine.unload(name)
                logger.info("unloaded a model that is not released any more")
        except EngineUnavailable as error:
            logger.warning("withdrawn models stay in an engine's memory for now: %s", error)

    def _wanted(self) -> list[str]:
        with self._database.read() as session:
            unserved = engines.unserved(session, now=self._now())
        ours = {lease_id: base for base, lease_id in self._leases.items() if base not in self._running}
        return [ours[lease_id] for lease_id in unserved if lease_id in ours]

    def _start(self, engine_id: str) -> None:
        with self._database.write() as session:
            if not engines.claim(session, self._leases[engine_id], self._worker_id, now=self._now(), lease_s=LEASE_S):
                return
        self._make_room()
        base = self._bases[engine_id]
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            engine = EngineProcess.start(
                TrustedBase(
                    name=base.name, path=base.source if address(base) else str(local_path(base)), digest=base.digest
                ),
                EngineMode.SERVING,
                log=self._logs / f"serving-{base.digest[7:19]}.log",
                deployment_key=self._deployment_key,
                server=self._servers.get(engine_id),
            )
        except EngineUnavailable as error:
            logger.warning("the engine for %s did not start: %s", engine_id, error)
            with self._database.write() as session:
                engines.withdraw(session, self._leases[engine_id], self._worker_id)
            return
        self._running[engine_id] = engine
        self._publish(engine_id, engine)
        logger.info("an engine serves %s", engine_id)

    def _publish(self, engine_id: str, engine: EngineProcess) -> None:
        with self._database.write() as session:
            engines.publish(
                session,
                self._leases[engine_id],
                self._worker_id,
                uds=engine.socket,
                secret=engine.secret,
                now=self._now(),
                lease_s=LEASE_S,
            )

    def _make_room(self) -> None:
        with self._database.read() as session:
            used_at = dict(engines.last_used(session, self._worker_id))
        for engine_id in sorted(self._running, key=lambda running: used_at.get(self._leases[running], 0)):
            if len(self._running) < MAX_ENGINES:
                return
            self._stop(engine_id)

    def _stop(self, engine_id: str) -> None:
        self._running.pop(engine_id).stop()
        with self._database.write() as session:
            engines.withdraw(session, self._leases[engine_id], self._worker_id)
