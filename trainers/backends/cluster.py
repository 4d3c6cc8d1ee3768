"""Training on a Ray cluster: each attempt at a run is one of its jobs, and a store carries what it makes.

The backend keeps in `cluster.json` which attempt counts, and submits it under a name made of the run and
that number; so a gateway that was killed between the two asks for the same job again and makes no second one.
"""

import hashlib
import json
import logging
import os
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from moderation.types import TrainingSet
from trainers import artefacts
from trainers.cluster.attempts import Attempts
from trainers.cluster.parcels import Parcels, every
from trainers.cluster.queueing import JobServer, Needs, Phase, Team
from trainers.errors import NotNow, TrainingFailed
from trainers.hosted import Leftovers, prefix_of
from trainers.run_directory import MAX_DEATHS, Order, RunDirectory
from trainers.spec import spec_to_json
from trainers.types import CandidateModel, RunFailure, RunState, TrainingSpec

logger = logging.getLogger(__name__)
_PASSED_ON = ("OMP_NUM_THREADS", "PYTHONPATH")
_GPUS = "TUNEGATE_RUN_GPUS"
"""Tells a run how many GPUs must answer."""


def create(config: Mapping[str, str]) -> "ClusterBackend":
    """The plug-in.

    `TUNEGATE_CLUSTER_ADDRESS`: the job server, `http://head:8265`; `..._STORE`: an fsspec URL that the gateway and
    all nodes reach, `s3://bucket/runs`; `..._TOKEN` of a cluster that asks for one; `..._PYTHON` the interpreter on
    the nodes (`python`), in which tunegate[worker] is installed; `..._GPUS` (1, or a part of one), `..._CPUS` (1),
    `..._MEMORY_BYTES` and `..._RESOURCES` (`{"a100": 1}`): what a worker takes; `..._WORKERS` (1): how many may train
    one run together, as far as they can share its batch evenly, each with a part of the model where `..._SHARDED` is
    `yes`. Raises `ValueError` that names what is missing or wrong.
    """
    missing = [f"TUNEGATE_CLUSTER_{name.upper()}" for name in ("address", "store") if not config.get(name)]
    if missing:
        raise ValueError(f"{' and '.join(missing)} must be set: the job server and the store of the Ray cluster")
    n_gpus = _number(config, "gpus", "1")
    if n_gpus > 1:
        raise ValueError(
            f"TUNEGATE_CLUSTER_GPUS is '{n_gpus:g}', and a worker trains on one: set TUNEGATE_CLUSTER_WORKERS, which "
            "says how many train a run together"
        )
    return ClusterBackend(
        jobs=JobServer(config["address"], token=config.get("token", "")),
        store=config["store"].rstrip("/"),
        python=config.get("python", "python"),
        needs=Needs(
            n_cpus=_number(config, "cpus", "1"),
            n_gpus=n_gpus,
            memory_bytes=int(_number(config, "memory_bytes", "0")),
            resources=_resources(config.get("resources", "{}")),
        ),
        n_workers=max(1, int(_number(config, "workers", "1"))),
        sharded=_yes(config, "sharded"),
    )


class ClusterBackend:
    """The `Backend` protocol over Ray jobs. Every verb may be called again, by anyone, at any time.

    A cluster or a store that does not answer is waited for: the run reads as running, and the log says so.
    """

    def __init__(
        self, *, jobs: JobServer, store: str, python: str, needs: Needs, n_workers: int = 1, sharded: bool = False
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._python = python
        self._needs = needs
        self._n_workers = n_workers
        self._sharded = sharded

    def start(self, spec: TrainingSpec, training: TrainingSet, validation: str | None, run_dir: str) -> None:
        """Send the run to the cluster, or attach to it; return at once. A finished run is left alone.

        Raises what `RunDirectory.accept` raises.
        """
        run = RunDirectory(root=Path(run_dir))
        run.accept(Order.of(spec, training, validation))
        self._look(run)

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        """Where the run stands. An attempt that ended without a result is followed by another, from its last
        checkpoint, until `MAX_DEATHS` of them ended at one step: then the run has failed."""
        run = RunDirectory(root=Path(run_dir))
        self._look(run)
        return run.state(after_step=after_step)

    def cancel(self, run_dir: str) -> None:
        """Stop the run for good: here at once, on the cluster within seconds where it answers."""
        run = RunDirectory(root=Path(run_dir))
        if not run.cancel():
            return
        number, order = Attempts.read(run).number, run.order()
        if order is None or number == 0:
            return
        try:
            self._jobs.stop(_job_name(order, number))
        except NotNow as exc:
            logger.warning("job %s: %s; told to stop again when the job is cleared", order.spec.job_id, exc)

    def collect(self, run_dir: str) -> CandidateModel:
        """The sealed model of a succeeded run, verified.

        Raises `TrainingFailed` when the run did not succeed, `SealBroken` when files changed on their way.
        """
        run = RunDirectory(root=Path(run_dir))
        return artefacts.load(run.artefact, run.sealed_digest())

    def clear(self, leftovers: Leftovers) -> int:
        """As `trainers.hosted.Elsewhere` says: ends every attempt at the job's runs, then deletes all of them."""
        prefix = prefix_of(leftovers.job_id)
        if alive := self._jobs.alive(prefix):
            for name in alive:
                self._jobs.stop(name)
            raise NotNow("an attempt at a run that is over was still at work there")
        try:
            for parcels in every(self._store, prefix):
                parcels.remove()
        except OSError as exc:
            raise NotNow(f"the cluster's store does not answer ({type(exc).__name__})") from exc
        return 0

    def close(self) -> None:
        """Let go of the job server; what it runs goes on."""
        self._jobs.close()

    def _look(self, run: RunDirectory) -> None:
        """Bring here what there is, and see that some attempt is at work."""
        order = run.order()
        if order is None or run.finished:
            return
        parcels = Parcels(f"{self._store}/{_run_name(order)}")
        try:
            self._advance(run, order, parcels)
        except (NotNow, OSError) as exc:
            logger.warning("job %s: %s; asked again later", order.spec.job_id, exc)
        except TrainingFailed as exc:
            run.write_failure(RunFailure(code=exc.code, message=str(exc)))

    def _advance(self, run: RunDirectory, order: Order, parcels: Parcels) -> None:
        attempts = Attempts.read(run)
        if attempts.number == 0:
            parcels.send_order(order)
            self._submit(run, order, attempts)
            return
        # Asked first: an attempt that is over has sent all that it ever will.
        standing = self._jobs.standing(_job_name(order, attempts.number))
        parcels.fetch_notes(run, attempt=attempts.number)
        parcels.fetch_end(run, attempt=attempts.number)
        if run.finished or standing.phase is Phase.ALIVE:
            return
        parcels.fetch_memory(run, attempt=attempts.number)
        attempts = attempts.with_end(run)
        logger.warning("job %s: attempt %d: %s", order.spec.job_id, attempts.number, standing.message)
        if attempts.n_deaths < MAX_DEATHS:
            self._submit(run, order, attempts)
            return
        run.write_failure(
            RunFailure(
                code="training_crashed",
                message=f"The run ended {attempts.n_deaths} times after step {run.last_step()} on the cluster, last "
                f"as {standing.message}. Where memory ran out, create the job again with a smaller batch_size or "
                "shorter rows; else ask the cluster's operator.",
            )
        )

    def _submit(self, run: RunDirectory, order: Order, attempts: Attempts) -> None:
        """Ask for the next attempt, then note it: after a crash between them the same name is asked for again."""
        number = attempts.number + 1
        store = f"{self._store}/{_run_name(order)}"
        module, arguments = "trainers.cluster.node", [store, str(number), str(attempts.n_deaths)]
        needs, batch_size = self._needs, order.spec.hyperparameters.batch_size
        n_workers = max(n for n in range(1, self._n_workers + 1) if batch_size % n == 0)
        if n_workers > 1:
            team = Team(n_workers=n_workers, sharded=self._sharded, resources=needs.of_a_worker())
            module, arguments = "trainers.cluster.teams", [*arguments, team.to_json()]
            # The job itself only starts the workers and waits for them.
            needs = Needs(n_cpus=0, n_gpus=0, memory_bytes=0, resources={})
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        if needs.n_gpus:  # else a node whose driver is gone would train on its processor
            environment[_GPUS] = "1"
        command = shlex.join([self._python, "-m", module, *arguments])
        self._jobs.submit(_job_name(order, number), command, needs, environment)
        replace(attempts, number=number).write(run)
        logger.info("job %s: attempt %d is with the cluster", order.spec.job_id, number)


def _run_name(order: Order) -> str:
    """The same in every gateway that asks for the same run; remedies of a job have runs of their own."""
    spec = order.spec
    if spec.parent is not None:  # a gateway's own copy
        spec = replace(spec, parent=replace(spec.parent, path=""))
    digest = hashlib.sha256(f"{spec_to_json(spec)}\n{order.training_digest}".encode()).hexdigest()
    return f"{prefix_of(spec.job_id)}{digest[:16]}"


def _job_name(order: Order, attempt: int) -> str:
    return f"{_run_name(order)}-{attempt}"


def _number(config: Mapping[str, str], name: str, default: str) -> float:
    text = config.get(name, default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value < 0:
        raise ValueError(f"TUNEGATE_CLUSTER_{name.upper()} is '{text}'; expected a number from 0")
    return value


def _yes(config: Mapping[str, str], name: str) -> bool:
    text = config.get(name, "no")
    if text not in ("yes", "no"):
        raise ValueError(f"TUNEGATE_CLUSTER_{name.upper()} is '{text}'; expected yes or no")
    return text == "yes"


def _resources(text: str) -> dict[str, float]:
    try:
        return {str(name): float(n) for name, n in json.loads(text).items()}
    except (ValueError, AttributeError, TypeError) as exc:
        raise ValueError(f"TUNEGATE_CLUSTER_RESOURCES is '{text}'; expected JSON like {{\"a100\": 1}}") from exc
