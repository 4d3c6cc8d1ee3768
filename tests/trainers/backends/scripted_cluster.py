"""A Ray cluster's job server over real HTTP, and the end of the store that its nodes hold."""

import json
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from trainers.artefacts import seal
from trainers.cluster.parcels import Parcels
from trainers.run_directory import Order, RunDirectory
from trainers.types import StepMetrics


class JobServer(ThreadingHTTPServer):
    """Ray's four routes; a job runs until the test says how it ended."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Routes)
        self.jobs: dict[str, dict[str, object]] = {}
        self.stopped: list[str] = []
        self.refusal = 0
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def names(self) -> list[str]:
        return list(self.jobs)

    def end(self, name: str, status: str = "FAILED", error_type: str | None = "JOB_SUPERVISOR_ACTOR_DIED") -> None:
        self.jobs[name] |= {"status": status, "error_type": error_type}

    def alive(self) -> list[str]:
        return [name for name, job in self.jobs.items() if job["status"] == "PENDING"]


class _Routes(BaseHTTPRequestHandler):
    server: JobServer

    def do_GET(self) -> None:
        if self.path == "/api/jobs/":
            return self._answer(200, [{"submission_id": None, "status": "RUNNING"}, *self.server.jobs.values()])
        job = self.server.jobs.get(self.path.rsplit("/", 1)[-1])
        return self._answer(404 if job is None else 200, job or {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.refusal:
            return self._answer(self.server.refusal, {})
        if self.path.endswith("/stop"):
            self.server.stopped.append(name := self.path.split("/")[-2])
            self.server.end(name, "STOPPED", None)
            return self._answer(200, {"stopped": True})
        asked = json.loads(body)
        if asked["submission_id"] in self.server.jobs:
            return self._answer(400, {})
        self.server.jobs[asked["submission_id"]] = {"status": "PENDING"} | asked
        return self._answer(200, {"submission_id": asked["submission_id"]})

    def _answer(self, status: int, data: object) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def running_cluster() -> Iterator[JobServer]:
    server = JobServer()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Node:
    """A directory on some node of the cluster, and the parcels of the run that its newest job names."""

    def __init__(self, server: JobServer, home: Path) -> None:
        self.server, self.run = server, RunDirectory(root=home)
        home.mkdir()

    def parcels(self) -> Parcels:
        return Parcels(shlex.split(str(self.server.jobs[self.server.names[-1]]["entrypoint"]))[3])

    def step(self, number: int, *, attempt: int | None = None) -> None:
        metrics = StepMetrics(step=number, total_steps=9, train_loss=1.0, train_mean_token_accuracy=0.5)
        with self.run.metrics_file.open("a") as file:
            file.write(json.dumps(asdict(metrics)) + "\n")
        self.send(attempt)

    def send(self, attempt: int | None = None) -> None:
        self.parcels().send_progress(self.run, attempt=attempt or len(self.server.names))

    def succeed(self, order: Order) -> None:
        """Seal a model, and end the newest job with it."""
        self.run.artefact.mkdir()
        (self.run.artefact / "adapter_config.json").write_text("{}")
        digest = seal(self.run.artefact, order.spec, order.training_digest, trained_tokens=1, n_steps=1)
        self.run.write_result(digest)
        self.send()
        self.server.end(self.server.names[-1], "SUCCEEDED", None)
