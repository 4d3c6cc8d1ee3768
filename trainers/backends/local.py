"""Training on this machine: one subprocess a run, its directory the interface.

Whoever holds the lock of a run's directory is its trainer. The backend takes the lock and hands it to
the child, so it is held from before the child exists until the child is gone, however it went; a
backend in another process, or after a restart, sees the same. So are GPUs held, where there are any.
"""

import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from moderation.types import TrainingSet
from trainers import artefacts
from trainers.bases import local_path, weight_bytes
from trainers.devices import Gpu, Lease, Queue, installed, need
from trainers.environment import child_environment, gpu_environment
from trainers.errors import BaseModelError, TrainingFailed
from trainers.run_directory import MAX_DEATHS, Order, RunDirectory
from trainers.run_lock import name_holder, signal_holder, take
from trainers.types import CandidateModel, RunFailure, RunState, TrainingSpec

logger = logging.getLogger(__name__)

SMALL_MODEL_BYTES = 200_000_000
"""50 M parameters in float32. Below it, threads of one process spend their time waiting for each other."""
TERM_GRACE_S = 2.0
KILL_GRACE_S = 5.0
MAX_OLD_LOG_BYTES = 1 << 20
LOCKS = Path(tempfile.gettempdir()) / f"tunegate-gpus-{os.getuid()}"
"""Where the GPUs' locks lie, for all workers of one user on this machine."""


def create(config: Mapping[str, str]) -> "LocalBackend":
    """The plug-in. `devices` (`TUNEGATE_LOCAL_DEVICES`): the GPUs to train on, by number or UUID, e.g. `0,1`; empty
    for all that `CUDA_VISIBLE_DEVICES` allows. `gpus_per_run` (`TUNEGATE_LOCAL_GPUS_PER_RUN`): how many a run gets
    where its batch can be shared by them, 1 by default; a model that no single one holds gets as many as it needs.

    Raises `ValueError` for a GPU that is not there, and for a number that is none.
    """
    per_run = config.get("gpus_per_run", "1")
    if not (per_run.isascii() and per_run.isdigit() and int(per_run) > 0):
        raise ValueError(f"TUNEGATE_LOCAL_GPUS_PER_RUN is '{per_run}'; expected a number of at least 1")
    gpus = installed(config.get("devices", ""), os.environ.get("CUDA_VISIBLE_DEVICES"))
    return LocalBackend(environment=child_environment(os.environ), gpus=gpus, gpus_per_run=int(per_run))


class LocalBackend:
    """The `Backend` protocol over subprocesses. Every verb may be called again, by anyone, at any time."""

    def __init__(
        self, *, environment: Mapping[str, str], gpus: Sequence[Gpu] = (), gpus_per_run: int = 1, locks: Path = LOCKS
    ) -> None:
        self._environment = dict(environment)
        self._queue = Queue(gpus, locks)
        self._gpus_per_run = gpus_per_run
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        # The kernel kills a trainer when the *thread* that started it ends, so one thread starts all of
        # them and lives as long as this backend.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trainer-spawner")

    def start(self, spec: TrainingSpec, training: TrainingSet, validation: str | None, run_dir: str) -> None:
        """Start the run, attach to it, or resume it; return at once. A finished run is left alone.

        Raises what `RunDirectory.accept` raises.
        """
        run = RunDirectory(root=Path(run_dir))
        run.accept(Order.of(spec, training, validation))
        self._ensure_running(run)

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        """Where the run stands. A trainer found dead without a result is started again from its last
        checkpoint, until it died `MAX_DEATHS` times at one step: then the run has failed."""
        run = RunDirectory(root=Path(run_dir))
        if run.order() is not None:
            self._ensure_running(run)
        return run.state(after_step=after_step)

    def cancel(self, run_dir: str) -> None:
        """Stop the run for good, within `TERM_GRACE_S + KILL_GRACE_S` seconds. A finished run stays as it is."""
        run = RunDirectory(root=Path(run_dir))
        if not run.cancel():
            return
        for sent, grace_s in ((signal.SIGTERM, TERM_GRACE_S), (signal.SIGKILL, KILL_GRACE_S)):
            if signal_holder(run.lock_file, sent, grace_s=grace_s, marker=str(run.root)):
                break
        logger.info("cancelled the run in %s", run_dir)

    def collect(self, run_dir: str) -> CandidateModel:
        """The sealed model of a succeeded run, verified.

        Raises `TrainingFailed` when the run did not succeed, `SealBroken` when files changed since.
        """
        run = RunDirectory(root=Path(run_dir))
        digest = run.sealed_digest()
        if (child := self._children.pop(str(run.root), None)) is not None:
            child.wait()  # its last word was the result
        return artefacts.load(run.artefact, digest)

    def close(self) -> None:
        """Stop the trainers that this backend started; another one goes on from their checkpoints."""
        for child in self._children.values():
            child.kill()
            child.wait()
        self._children.clear()
        self._spawner.shutdown()

    def _ensure_running(self, run: RunDirectory) -> None:
        if run.finished:
            return
        lock = take(run.lock_file)
        if lock is None:
            return
        try:
            # Between the check above and the lock, the trainer may have finished.
            if run.finished or self._gives_up(run):
                return
            self._spawner.submit(self._spawn, run, lock).result()
        except BaseModelError as exc:
            run.write_failure(RunFailure(code="base_model_unusable", message=f"{exc}."))
        except TrainingFailed as exc:
            run.write_failure(RunFailure(code=exc.code, message=str(exc)))
        finally:
            os.close(lock)

    def _spawn(self, run: RunDirectory, lock: int) -> None:
        order = run.order()
        if order is None:
            raise TrainingFailed("training_failed", f"{run.root} has no spec.json.")
        self._forget_finished()
        environment = dict(self._environment)
        size = weight_bytes(local_path(order.spec.base))
        if size < SMALL_MODEL_BYTES:
            environment["OMP_NUM_THREADS"] = "1"
        lease = Lease(gpus=(), locks=())
        if self._queue.gpus:
            wanted = need(order.spec, size, self._queue.gpus, at_least=self._gpus_per_run)
            given = self._queue.lease(str(run.root), wanted, _is_over)
            if given is None:
                return  # it waits for its turn; the next look tries again
            lease = given
            environment |= gpu_environment(lease.gpus, sharded=wanted.sharded)
        try:
            if run.log_file.exists() and run.log_file.stat().st_size > MAX_OLD_LOG_BYTES:
                run.log_file.unlink()
            with run.log_file.open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "trainers.recipe", str(run.root), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    pass_fds=(lock, *lease.locks),
                )
        finally:
            lease.close()  # the child holds on, where there is one
        name_holder(lock, child.pid)
        self._children[str(run.root)] = child
        logger.info("job %s: trainer %d started", order.spec.job_id, child.pid)

    def _gives_up(self, run: RunDirectory) -> bool:
        """Count a death of our own child, and write the failure when there were too many at one step.

        A child of an earlier process died with its parent, which says nothing about the run.
        """
        child = self._children.pop(str(run.root), None)
        if child is None:
            return False
        # Its lock is free, so it is on its way out: files are closed before the parent is told.
        child.wait()
        step = run.last_step()
        run.note_deaths()
        deaths = run.n_deaths()
        logger.warning("the trainer in %s died with status %s after step %d", run.root, child.returncode, step)
        if deaths < MAX_DEATHS:
            # A kernel that is short of memory kills without a word; the last attempt asks for less.
            if child.returncode == -signal.SIGKILL and deaths == MAX_DEATHS - 1 and (fewer := run.shrink()):
                logger.warning("the last attempt in %s computes %d examples at once", run.root, fewer)
            return False
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"exit status {child.returncode}"
        run.write_failure(
            RunFailure(
                code="training_crashed",
                message=f"The trainer died {deaths} times after step {step}, last with {how}. Signal 9 often means "
                "that the machine ran out of memory: create the job again with shorter rows. The operator finds more "
                "in the run's trainer.log.",
            )
        )
        return True

    def _forget_finished(self) -> None:
        """Let the kernel forget children that ended; nobody asks for a finished run again."""
        for root, child in list(self._children.items()):
            if _is_over(root) and child.poll() is not None:
                self._children.pop(root, None)


def _is_over(root: str) -> bool:
    """Whether a run waits no more: it ended, or its directory went with its job."""
    run = RunDirectory(root=Path(root))
    return run.finished or not run.order_file.exists()
