"""Who decodes when: one thread, a running batch for each model, requests joining as they come."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from deploy.engine.decoding import Batch
from deploy.engine.residents import Resident
from deploy.engine.rows import Row
from deploy.errors import EngineUnavailable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds memory and waiting."""

    max_rows: int = 256
    """Rows decoded together for one model. Of 48 to 330, more were faster; beyond 256 hardly."""
    max_tokens: int = 65_536
    """Prompt and reply tokens that all running rows together may come to hold."""
    max_waiting: int = 4_096
    """Rows in the queue; further ones are turned away."""
    gather_s: float = 0.004
    """How long an idle engine waits for company after a first request."""
    patience_s: float = 0.05
    """How long a request waits for others to join a running batch with it."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    resident: Resident
    row: Row
    since_s: float


class Scheduler:
    """Owns the decoding thread. Rows are served first come, first served."""

    def __init__(self, limits: Limits, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._batches: dict[Resident, Batch] = {}
        self._thread = threading.Thread(target=self._run, name="decoding", daemon=True)

    def start(self) -> None:
        """Begin to decode."""
        self._thread.start()

    def stop(self) -> None:
        """End after the current step; rows in flight hear nothing more."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def submit(self, resident: Resident, rows: Sequence[Row]) -> None:
        """Queue rows; their listeners hear of them from the decoding thread.

        Raises EngineUnavailable, and queues none, when the queue would exceed its bound.
        """
        with self._changed:
            if len(self._waiting) + len(rows) > self._limits.max_waiting:
                raise EngineUnavailable(f"{len(self._waiting)} requests are waiting already; try again in a second.")
            now_s = self._clock()
            self._waiting.extend(_Waiting(resident, row, now_s) for row in rows)
            self._changed.notify()

    def _run(self) -> None:
        while self._await_work():
            for resident, rows in self._pick().items():
                batch = self._batches.setdefault(resident, Batch(resident))
                self._guarded(resident, batch, rows, partial(batch.admit, rows))
            for resident, batch in list(self._batches.items()):
                self._guarded(resident, batch, (), batch.step)
                if not batch.rows:
                    self._batches.pop(resident, None)

    def _await_work(self) -> bool:
        """Sleep while there is nothing to do; false when the scheduler is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._waiting or self._batches)
            if not self._batches:
                enough = self._limits.max_rows
                self._changed.wait_for(
                    lambda: self._stopping or len(self._waiting) >= enough, timeout=self._limits.gather_s
                )
            return not self._stopping

    def _pick(self) -> dict[Resident, list[Row]]:
        """Take from the queue what may join now, in order, as far as rows and tokens allow."""
        now_s = self._clock()
        picked: dict[Resident, list[Row]] = {}
        with self._changed:
            self._waiting = deque(one for one in self._waiting if not one.row.cancelled)
            if not self._waiting:
                return picked
            held = sum(row.n_reserved for batch in self._batches.values() for row in batch.rows)
            ready = self._ready(now_s)
            kept: deque[_Waiting] = deque()
            full = False
            for one in self._waiting:
                running = len(self._batches[one.resident].rows) if one.resident in self._batches else 0
                joining = picked.get(one.resident, [])
                # A row larger than the whole allowance runs when it has the engine to itself.
                full = full or (held > 0 and held + one.row.n_reserved > self._limits.max_tokens)
                if full or one.resident not in ready or running + len(joining) >= self._limits.max_rows:
                    kept.append(one)
                    continue
                picked.setdefault(one.resident, []).append(one.row)
                held += one.row.n_reserved
            self._waiting = kept
        return picked

    def _ready(self, now_s: float) -> set[Resident]:
        """Models whose waiting rows are worth a pass of their own now.

        Reading one prompt costs about as much as a step of the whole batch, so a few wait for more.
        """
        first: dict[Resident, _Waiting] = {}
        count: dict[Resident, int] = {}
        for one in self._waiting:
            first.setdefault(one.resident, one)
            count[one.resident] = count.get(one.resident, 0) + 1
        ready = set()
        for resident, oldest in first.items():
            running = len(self._batches[resident].rows) if resident in self._batches else 0
            joinable = min(count[resident], self._limits.max_rows - running)
            patient = now_s - oldest.since_s < self._limits.patience_s
            if joinable >= max(1, running // 4) or not patient:
                ready.add(resident)
        return ready

    def _guarded(self, resident: Resident, batch: Batch, rows: Sequence[Row], work: Callable[[], None]) -> None:
        """The boundary of the decoding thread: a failure ends a batch and its requests, not the engine."""
        try:
            work()
        except Exception as exc:
            logger.exception("a batch of %d rows failed", len(batch.rows) + len(rows))
            self._batches.pop(resident, None)
            for row in {*batch.rows, *rows}:
                if row.finish is None:
                    row.listener.on_failure(f"decoding failed ({type(exc).__name__}); see the engine's log")
