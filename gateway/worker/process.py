"""The worker process. It is written to be killed: what it was doing goes on when it starts again."""

import asyncio
import logging
import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import SettingsError
from gateway.pipeline.durability import Durability
from gateway.pipeline.stages import LOST, JobStages
from gateway.pipeline.workshop import Workshop
from gateway.publishing import Publisher, publish
from gateway.store import admission, head_places, heads, jobs, reviews
from gateway.store.errors import StateUnavailable
from gateway.store.models import JobState
from gateway.store.reviews import WAITING_STATES
from gateway.verifying import BaseFiles, Verifier
from gateway.worker import exporting, file_screenings, scoring, vitals
from gateway.worker.audit_engines import EmbeddedAuditEngines
from gateway.worker.notifying import notify
from gateway.worker.presence import HEARTBEAT_S, Presence, Replaced
from gateway.worker.reauditing import Reauditor
from gateway.worker.serving_engines import ServingEngines
from gateway.worker.sweeping import sweep_all, sweep_orphans, sweep_quotes
from gateway.worker.watching import ReleasedWatch
from moderation.checks import Classifier

CANNOT_START = 2
"""Exit status that tells the supervisor not to try again."""
WATCH_S = 5.0
"""Between two looks at the files of released models."""
N_DUTIES = 16
"""Threads beside those of the jobs: a heart that waits for a thread would stop."""
WAITING = (JobState.QUEUED, *WAITING_STATES.values())
"""States in which no stage runs, so a cancellation needs nobody's help."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Where a worker tells the world outside of what happened."""

    heads_file: Path
    """Gets the head of the decision log."""
    heads_urls: Sequence[str]
    """Get it too."""
    publisher: Publisher
    webhooks_allow_private: bool
    """Whether webhooks may go to addresses that are not public."""
    vitals_at: tuple[str, int] | None = None
    """Host and port of the worker's own `/healthz` and `/metrics`."""


class WorkerProcess:
    """The duties of one worker, each a loop of its own."""

    def __init__(
        self,
        shop: Workshop,
        durability: Durability,
        serving: ServingEngines,
        moderators: Sequence[Classifier],
        *,
        worker_id: str,
        address: str,
        outlets: Outlets,
    ) -> None:
        self._shop = shop
        self._reauditor = Reauditor(shop)
        self._durability = durability
        self._serving = serving
        self._moderators = moderators
        self._presence = Presence(
            database=shop.database,
            worker_id=worker_id,
            address=address,
            secret=secrets.token_hex(32),
            now=shop.now,
            monotonic=time.monotonic,
            sleep=time.sleep,
        )
        self._outlets = outlets
        bases = BaseFiles.of(shop.bases)
        self._watch_released = ReleasedWatch(
            Verifier(database=shop.database, blobs=shop.blobs, key=shop.signing_key, bases=bases), shop.now
        )
        self._woken: set[tuple[str, str]] = set()
        self._beat_at = time.monotonic()

    async def run(self) -> None:
        """Work until cancelled."""
        # Before anything is begun: what a namesake runs, or another takes over by now, is not begun twice.
        await asyncio.to_thread(self._sign_on)
        await self._durability.launch()
        await scoring.listen(scoring.create_app(self._moderators, self._presence.secret), self._presence.address)
        await asyncio.to_thread(self._presence.open_for_work)
        if self._outlets.vitals_at is not None:
            await vitals.listen(vitals.create_app(lambda: time.monotonic() - self._beat_at), *self._outlets.vitals_at)
        logger.info("worker %s is ready", self._presence.worker_id)
        await asyncio.gather(
            _repeat(HEARTBEAT_S, self._heartbeat),
            _repeat(0.25, self._dispatch),
            _repeat(0.5, self._wake),
            _repeat(0.5, self._screen_files),
            _repeat(1.0, self._pack_exports),
            _repeat(0.25, self._tend),
            _repeat(5.0, self._take_over),
            _repeat(30.0, self._reconcile),
            _repeat(1.0, self._publish_head),
            _repeat(1.0, self._publish_head_afar),
            _repeat(WATCH_S, self._watch),
            _repeat(60.0, self._look_for_reaudits),
            _repeat(5.0, self._audit_again),
            _repeat(60.0, self._sweep),
            _repeat(3600.0, self._sweep_orphans),
            _repeat(600.0, self._sweep_quotes),
            _repeat(1.0, self._notify),
        )

    def _sign_on(self) -> None:
        self._presence.sign_on()
        with self._shop.database.write() as session:
            head_places.keep(session, self._outlets.heads_urls)

    async def _heartbeat(self) -> None:
        await asyncio.to_thread(self._presence.beat)
        self._beat_at = time.monotonic()

    async def _dispatch(self) -> None:
        """The outbox: a job that was created becomes a workflow, once."""

        def waiting() -> list[str]:
            with self._shop.database.read() as session:
                return list(admission.admissible(session, self._shop.limits, now=self._shop.now()))

        def dispatched(job_id: str) -> None:
            with self._shop.database.write() as session:
                jobs.mark_dispatched(session, job_id, now=self._shop.now())

        for job_id in await asyncio.to_thread(waiting):
            await self._durability.enqueue(job_id)
            await asyncio.to_thread(dispatched, job_id)

    async def _wake(self) -> None:
        """End the pauses of jobs whose reviewer has answered, or that are to be cancelled."""

        def look() -> list[tuple[str, str]]:
            with self._shop.database.write() as session:
                found = list(reviews.answered(session))
                for job in jobs.to_cancel(session):
                    found.append((job.id, "cancelled"))
                    if job.state in WAITING:
                        jobs.cancel(session, job.id, now=self._shop.now())
            return found

        for reason in await asyncio.to_thread(look):
            if reason not in self._woken and await self._durability.wake(*reason):
                self._woken.add(reason)

    async def _screen_files(self) -> None:
        while await asyncio.to_thread(file_screenings.screen_next, self._shop, self._presence.worker_id):
            pass

    async def _pack_exports(self) -> None:
        while await asyncio.to_thread(exporting.pack_next, self._shop):
            pass

    async def _tend(self) -> None:
        await asyncio.to_thread(self._serving.tend)

    async def _publish_head(self) -> None:
        try:
            await asyncio.to_thread(heads.publish, self._shop.database, self._outlets.heads_file)
        except heads.HeadsUnusable as error:
            logger.warning("%s", error)

    async def _publish_head_afar(self) -> None:
        await publish(self._shop.database, self._outlets.heads_urls, self._outlets.publisher, self._shop.now)

    async def _watch(self) -> None:
        await asyncio.to_thread(self._watch_released.look)

    async def _look_for_reaudits(self) -> None:
        await asyncio.to_thread(self._reauditor.look)

    async def _audit_again(self) -> None:
        await asyncio.to_thread(self._reauditor.audit_next)

    async def _take_over(self) -> None:
        await asyncio.to_thread(self._presence.bury, self._durability.take_over)

    async def _notify(self) -> None:
        await notify(self._shop.database, now=self._shop.now, allow_private=self._outlets.webhooks_allow_private)

    async def _sweep(self) -> None:
        await asyncio.to_thread(sweep_all, self._shop)

    async def _sweep_orphans(self) -> None:
        await asyncio.to_thread(sweep_orphans, self._shop.database, self._shop.blobs)

    async def _sweep_quotes(self) -> None:
        await asyncio.to_thread(sweep_quotes, self._shop.database, self._shop.replies)

    async def _reconcile(self) -> None:
        """End jobs whose workflow is over without having ended them, and start those that have none."""

        def unfinished() -> list[str]:
            with self._shop.database.read() as session:
                return list(jobs.unfinished(session))

        stages = JobStages(self._shop)
        for job_id in await asyncio.to_thread(unfinished):
            fate = await self._durability.fate(job_id)
            if fate is None:
                await self._durability.enqueue(job_id)
            elif fate == "lost":
                await asyncio.to_thread(stages.give_up, job_id, LOST, "broken", "its workflow was lost")


async def _repeat(pause_s: float, duty: Callable[[], Awaitable[None]]) -> None:
    """Do a duty again and again. A database, store or disk that fails for a moment delays it and ends nothing."""
    while True:
        try:
            await duty()
        except (StateUnavailable, SQLAlchemyError, OSError) as error:  # the workflow engine raises SQLAlchemy's
            logger.warning("%s is delayed: %s", duty.__name__, type(error).__name__)
        await asyncio.sleep(pause_s)


def run(
    shop: Workshop,
    audit_engines: EmbeddedAuditEngines,
    serving: ServingEngines,
    moderators: Sequence[Classifier],
    *,
    worker_id: str,
    system_database_url: str,
    jobs_at_once: int,
    outlets: Outlets,
) -> None:
    """Work until SIGTERM or SIGINT, then end this process at once, with its engines and trainers.

    It does not return: threads that run a stage cannot be interrupted, and need not be, because a
    stage that is cut short runs again at the next start.
    """
    sockets = Path(tempfile.mkdtemp(prefix="tunegate-"))

    async def main() -> int:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(jobs_at_once + N_DUTIES))
        durability = Durability(
            JobStages(shop), database_url=system_database_url, worker_id=worker_id, jobs_at_once=jobs_at_once
        )
        worker = WorkerProcess(
            shop,
            durability,
            serving,
            moderators,
            worker_id=worker_id,
            address=str(sockets / "scoring.sock"),
            outlets=outlets,
        )
        task = asyncio.ensure_future(worker.run())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            logger.info("worker %s stops", worker_id)
            return 0
        except SettingsError as error:
            logger.error("cannot start: %s", error)
            return CANNOT_START
        except Replaced as error:
            logger.error("%s; it starts anew", error)
        except Exception:  # the worker boundary: the supervisor starts another
            logger.exception("worker %s fails", worker_id)
        return 1

    async def main_and_exit() -> None:
        status = await main()
        serving.stop()
        audit_engines.stop()
        shop.traces.close()
        shutil.rmtree(sockets, ignore_errors=True)
        logging.shutdown()
        os._exit(status)

    asyncio.run(main_and_exit())
