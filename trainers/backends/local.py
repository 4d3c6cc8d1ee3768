"""Training on this machine: one subprocess a run, its directory the interface.

Whoever holds the lock of a run's directory is its trainer. The backend takes the lock and hands it to
the child, so it is held from before the child exists until the child is gone, however it went; a
backend in another process, or after a restart, sees the same.
"""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from moderation.types import TrainingSet
from trainers import artefacts
from trainers.bases import local_path, weight_bytes
from trainers.errors import BaseModelError, TrainingFailed
from trainers.run_directory import Order, RunDirectory
from trainers.run_lock import name_holder, signal_holder, take
from trainers.types import CandidateModel, Method, RunFailure, RunState, TrainingSpec

logger = logging.getLogger(__name__)

METHODS = (Method.SUPERVISED, Method.DPO)
SMALL_MODEL_BYTES = 200_000_000
"""50 M parameters in float32. Below it, threads of one process spend their time waiting for each other."""
MAX_DEATHS = 3
"""So many deaths of the trainer at the same step, its parent alive, and the run has failed."""
TERM_GRACE_S = 2.0
KILL_GRACE_S = 5.0
MAX_OLD_LOG_BYTES = 1 << 20
_INHERITED = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"),
    *("OMP_NUM_THREADS", "HF_HOME", "HF_HUB_CACHE", "XDG_CACHE_HOME"),
)
_INHERITED_PREFIXES = ("CUDA_", "NVIDIA_")


def create(config: Mapping[str, str]) -> "LocalBackend":
    """The plug-in. `devices` (`TUNEGATE_LOCAL_DEVICES`): the one GPU to train on, e.g. `0`; empty for the first.

    Raises `ValueError` when it names several: a run trains on one device.
    """
    devices = config.get("devices", "")
    if "," in devices:
        raise ValueError(f"TUNEGATE_LOCAL_DEVICES is '{devices}'; expected one GPU, e.g. 0: a run trains on one device")
    return LocalBackend(environment=child_environment(os.environ, devices=devices))


def child_environment(environment: Mapping[str, str], *, devices: str) -> dict[str, str]:
    """What a trainer needs of `environment`; keys and passwords of the gateway are none of its business."""
    kept = {
        name: value for name, value in environment.items() if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
    }
    return kept | {
        "CUDA_VISIBLE_DEVICES": devices or environment.get("CUDA_VISIBLE_DEVICES", "0"),
        # The base model is here before a trainer starts; the trainer itself asks no network for anything.
        "HF_HUB_OFFLINE": "1",
        "TQDM_DISABLE": "1",
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


class LocalBackend:
    """The `Backend` protocol over subprocesses. Every verb may be called again, by anyone, at any time."""

    def __init__(self, *, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        # The kernel kills a trainer when the *thread* that started it ends, so one thread starts all of
        # them and lives as long as this backend.
        self._spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trainer-spawner")

    def start(self, spec: TrainingSpec, training: TrainingSet, validation: str | None, run_dir: str) -> None:
        """Start the run, attach to it, or resume it; return at once. A finished run is left alone.

        Raises `TrainingFailed` (`method_not_supported`) for a method that is not in `METHODS`, and
        (`run_directory_taken`) when the directory belongs to another order.
        """
        if spec.method not in METHODS:
            raise TrainingFailed(
                "method_not_supported", f"The local backend trains {' and '.join(METHODS)}, not '{spec.method}'."
            )
        run = RunDirectory(root=Path(run_dir))
        run.accept(
            Order(spec=spec, training_path=training.path, training_digest=training.digest, validation_path=validation)
        )
        self._ensure_running(run)

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        """Where the run stands. A trainer found dead without a result is started again from its last
        checkpoint, until it died `MAX_DEATHS` times at one step: then the run has failed."""
        run = RunDirectory(root=Path(run_dir))
        if run.order() is not None:
            self._ensure_running(run)
        # The end is read before the metrics, so a run that reads finished comes with all of them.
        status, failure = run.standing()
        return RunState(status=status, metrics=run.metrics(after_step=after_step), failure=failure)

    def cancel(self, run_dir: str) -> None:
        """Stop the run for good, within `TERM_GRACE_S + KILL_GRACE_S` seconds. A finished run stays as it is."""
        run = RunDirectory(root=Path(run_dir))
        if run.finished:
            return
        run.root.mkdir(parents=True, exist_ok=True)
        run.cancelled_file.touch()
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
        finally:
            os.close(lock)

    def _spawn(self, run: RunDirectory, lock: int) -> None:
        order = run.order()
        if order is None:
            raise TrainingFailed("training_failed", f"{run.root} has no spec.json.")
        self._forget_finished()
        environment = dict(self._environment)
        base_path = local_path(order.spec.base)
        if weight_bytes(base_path) < SMALL_MODEL_BYTES:
            environment["OMP_NUM_THREADS"] = "1"
        if run.log_file.exists() and run.log_file.stat().st_size > MAX_OLD_LOG_BYTES:
            run.log_file.unlink()
        with run.log_file.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "trainers.recipe", str(run.root), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                pass_fds=(lock,),
            )
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
        metrics = run.metrics()
        step = metrics[-1].step if metrics else 0
        with run.deaths_file.open("a", encoding="utf-8") as file:
            file.write(f"{step}\n")
        deaths = run.deaths_file.read_text(encoding="utf-8").split().count(str(step))
        logger.warning("the trainer in %s died with status %s after step %d", run.root, child.returncode, step)
        if deaths < MAX_DEATHS:
            return False
        how = f"signal {-child.returncode}" if child.returncode < 0 else f"exit status {child.returncode}"
        run.write_failure(
            RunFailure(
                code="training_crashed",
                message=f"The trainer died {deaths} times after step {step}, last with {how}. Signal 9 often means "
                "that the machine ran out of memory: create the job again with a smaller batch_size or shorter rows.",
            )
        )
        return True

    def _forget_finished(self) -> None:
        """Let the kernel forget children that ended; nobody asks for a finished run again."""
        for root, child in list(self._children.items()):
            if RunDirectory(root=Path(root)).finished and child.poll() is not None:
                self._children.pop(root, None)
