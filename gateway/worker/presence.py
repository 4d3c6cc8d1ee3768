"""That a worker lives, that no other goes by its name, and that the work of one that died goes on.

A worker is dead when its heartbeat does not move for a while on the clock of whoever watches: clocks of several
machines need not agree, and an outage of the database, in which nobody's heart beats, kills nobody.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gateway.errors import SettingsError
from gateway.store import engines, screenings
from gateway.store.database import Database
from gateway.store.engine_models import Worker

HEARTBEAT_S = 1.0
DEAD_AFTER_S = 25.0
BLIND_AFTER_S = 10.0
"""After so long without a look, every worker gets its whole time again."""

logger = logging.getLogger(__name__)


class Replaced(Exception):
    """This worker was taken for dead, or another goes by its name: what it does now, another does too."""


@dataclass(slots=True, kw_only=True)
class Deathwatch:
    """Tells who is dead from heartbeats that it is shown again and again."""

    dead_after_s: float = DEAD_AFTER_S
    blind_after_s: float = BLIND_AFTER_S
    _still: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By worker: its last heartbeat, and when that was first seen."""
    _looked_at: float | None = None

    def look(self, beats: Mapping[str, int], at: float) -> tuple[str, ...]:
        """Who is dead, given every worker's last heartbeat; `at` in seconds of a clock that never jumps."""
        if self._looked_at is not None and at - self._looked_at > self.blind_after_s:
            self._still.clear()
        self._looked_at = at
        seen = self._still
        self._still = {
            worker_id: seen[worker_id] if seen.get(worker_id, (None, 0.0))[0] == beat else (beat, at)
            for worker_id, beat in beats.items()
        }
        return tuple(id for id, (_, since) in self._still.items() if at - since >= self.dead_after_s)


@dataclass(slots=True, kw_only=True)
class Presence:
    """One worker among others on the same database."""

    database: Database
    worker_id: str
    address: str
    """Where it answers moderation requests."""
    secret: str
    """Random; tells this process from an earlier one of the same name."""
    now: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    watch: Deathwatch = field(default_factory=Deathwatch)

    def sign_on(self) -> None:
        """Say that this worker has started; what an earlier process of its name had is its own.

        Raises `SettingsError` when a worker of its name lives, which only another machine's can.
        """
        if self.database.is_shared:
            self._require_no_namesake()
        with self.database.write() as session:
            engines.sign_on(session, self.worker_id, address=None, secret=self.secret, now=self.now())
            screenings.requeue(session, self.worker_id)

    def open_for_work(self) -> None:
        """Say that this worker is ready. Raises `Replaced`."""
        self.beat()
        with self.database.write() as session:
            session.get_one(Worker, self.worker_id).moderation_address = self.address

    def beat(self) -> None:
        """Say that this worker lives. Raises `Replaced` when it was taken for dead."""
        with self.database.write() as session:
            if not engines.heartbeat(session, self.worker_id, secret=self.secret, now=self.now()):
                raise Replaced(f"worker {self.worker_id} was silent for so long that others took over its work")

    def bury(self, take_over: Callable[[str], int]) -> None:
        """Let the work of dead workers go on here; `take_over(worker_id)` returns how many jobs it took.

        The row of a dead worker is its funeral's ticket: whoever deletes it, once, has taken its work over.
        """
        with self.database.read() as session:
            beats = engines.beats(session)
        for worker_id in self.watch.look(beats, self.monotonic()):
            if worker_id == self.worker_id:
                continue
            with self.database.write() as session:
                if engines.beats(session).get(worker_id) != beats[worker_id]:
                    continue  # another was quicker, or it has come back
                n_jobs = take_over(worker_id)
                screenings.requeue(session, worker_id)
                engines.withdraw_all(session, worker_id)
                engines.bury(session, worker_id)
            logger.warning("took over %d jobs of worker %s", n_jobs, worker_id)

    def _require_no_namesake(self) -> None:
        with self.database.read() as session:
            before = engines.beats(session).get(self.worker_id)
        if before is None:
            return
        self.sleep(3 * HEARTBEAT_S)
        with self.database.read() as session:
            after = engines.beats(session).get(self.worker_id)
        if after not in (None, before):
            raise SettingsError(
                f"a worker called '{self.worker_id}' lives on this database already; "
                "give each a TUNEGATE_WORKER_ID of its own"
            )
