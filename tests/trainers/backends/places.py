"""The places where training happens, each in a test's hands: a machine, a cluster, a provider."""

import json
import os
import signal
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from forwarding_desk import Desk
from scripted_cluster import JobServer, Node, running_cluster
from scripted_provider import TUNED, ScriptedProvider, refused

from trainers.artefacts import seal
from trainers.backends import cluster, local
from trainers.run_directory import Order, RunDirectory
from trainers.run_lock import take
from trainers.types import Backend, RunState, StepMetrics

TRAINER = """
import pathlib, sys, time
while not (pathlib.Path(sys.argv[1]) / "over").exists():
    time.sleep(0.005)
"""


class Place(Protocol):
    """A backend, and what is at its other end. One run is ever sent there."""

    order: Order
    run: RunDirectory

    def backend(self) -> Backend:
        """A new one, as in another worker or after a restart."""

    def look(self, backend: Backend) -> RunState:
        """Observe the run, once its time has come."""

    def begun(self) -> tuple[str, ...]:
        """What was made there for the run so far."""

    def is_at_work(self) -> bool:
        """Whether anything there still trains."""

    def train(self, step: int) -> None:
        """Have the run make a step."""

    def break_off(self) -> None:
        """Lose what trains, or the way to it."""

    def succeed(self) -> None:
        """End the run with a model."""

    def fail(self, backend: Backend) -> None:
        """End the run without one."""


@dataclass
class Machine:
    """The local backend over a trainer that does nothing until its directory says that it is over."""

    order: Order
    run: RunDirectory
    ends: ExitStack
    home: Path

    def __post_init__(self) -> None:
        (self.home / "trainers" / "recipe").mkdir(parents=True)
        (self.home / "trainers" / "recipe" / "__main__.py").write_text(TRAINER)
        # What `python -m trainers.recipe` finds first is what lies where it was started.
        self.ends.callback(os.chdir, os.getcwd())
        os.chdir(self.home)

    def backend(self) -> Backend:
        made = local.create({})
        self.ends.callback(made.close)
        return made

    def look(self, backend: Backend) -> RunState:
        return backend.observe(str(self.run.root), after_step=0)

    def begun(self) -> tuple[str, ...]:
        return (self.run.lock_file.read_text(),)

    def is_at_work(self) -> bool:
        lock = take(self.run.lock_file)
        if lock is not None:
            os.close(lock)
        return lock is None

    def train(self, step: int) -> None:
        metrics = StepMetrics(step=step, total_steps=3, train_loss=1.0, train_mean_token_accuracy=0.5)
        with self.run.metrics_file.open("a") as file:
            file.write(json.dumps(asdict(metrics)) + "\n")

    def break_off(self) -> None:
        os.kill(int(self.run.lock_file.read_text()), signal.SIGKILL)
        while self.is_at_work():
            time.sleep(0.002)

    def succeed(self) -> None:
        self.run.artefact.mkdir()
        (self.run.artefact / "adapter_config.json").write_text("{}")
        digest = seal(self.run.artefact, self.order.spec, self.order.training_digest, trained_tokens=1, n_steps=1)
        self.run.write_result(digest)
        (self.run.root / "over").touch()

    def fail(self, backend: Backend) -> None:
        for _ in range(3):
            self.break_off()
            self.look(backend)


@dataclass
class Cluster:
    """The cluster backend over a scripted job server and a store in a directory."""

    order: Order
    run: RunDirectory
    ends: ExitStack
    home: Path
    server: JobServer = field(init=False)
    node: Node = field(init=False)

    def __post_init__(self) -> None:
        self.server = self.ends.enter_context(running_cluster())
        self.node = Node(self.server, self.home / "node")

    def backend(self) -> Backend:
        address = f"http://127.0.0.1:{self.server.server_port}"
        made = cluster.create({"address": address, "store": (self.home / "store").as_uri()})
        self.ends.callback(made.close)
        return made

    def look(self, backend: Backend) -> RunState:
        return backend.observe(str(self.run.root), after_step=0)

    def begun(self) -> tuple[str, ...]:
        return tuple(self.server.names)

    def is_at_work(self) -> bool:
        return bool(self.server.alive())

    def train(self, step: int) -> None:
        self.node.step(step)

    def break_off(self) -> None:
        self.server.end(self.server.names[-1])

    def succeed(self) -> None:
        self.node.succeed(self.order)

    def fail(self, backend: Backend) -> None:
        for _ in range(3):
            self.break_off()
            self.look(backend)


@dataclass
class AtProvider:
    """The upstream backend over a scripted provider."""

    order: Order
    run: RunDirectory
    desk: Desk
    provider: ScriptedProvider

    def backend(self) -> Backend:
        return self.desk.backend()

    def look(self, backend: Backend) -> RunState:
        self.desk.now += 2 * 10.0  # more than a look that failed is waited for
        return backend.observe(str(self.run.root), after_step=0)

    def begun(self) -> tuple[str, ...]:
        return (*self.provider.files, *self.provider.jobs)

    def is_at_work(self) -> bool:
        return any(job["status"] in ("queued", "running") for job in self.provider.jobs.values())

    def train(self, step: int) -> None:
        self.provider.trains(step)

    def break_off(self) -> None:
        self.provider.errors.append(("GET /v1/fine_tuning", refused(502, "bad gateway")))

    def succeed(self) -> None:
        self.provider.says(status="succeeded", fine_tuned_model=TUNED)

    def fail(self, backend: Backend) -> None:
        self.provider.says(status="failed", error={"code": "odd", "message": "Something is odd."})
        self.look(backend)
