"""The cluster backend against a scripted job server over HTTP; attempts write to the store as nodes do."""

import json
import shlex
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from moderation.types import TrainingSet
from trainers.artefacts import seal
from trainers.backends.cluster import ClusterBackend, create
from trainers.cluster.parcels import Parcels
from trainers.cluster.queueing import Team
from trainers.errors import TrainingFailed
from trainers.run_directory import RunDirectory
from trainers.types import Method, RunState, RunStatus, StepMetrics, TrainingSpec


class JobServer(ThreadingHTTPServer):
    """Ray's three routes; a job runs until the test says how it ended."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Routes)
        self.jobs: dict[str, dict[str, object]] = {}
        self.stopped: list[str] = []
        self.refusal = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def names(self) -> list[str]:
        return list(self.jobs)

    def end(self, name: str, status: str = "FAILED", error_type: str | None = "JOB_SUPERVISOR_ACTOR_DIED") -> None:
        self.jobs[name] |= {"status": status, "error_type": error_type}


class _Routes(BaseHTTPRequestHandler):
    server: JobServer

    def do_GET(self) -> None:
        job = self.server.jobs.get(self.path.rsplit("/", 1)[-1])
        self._answer(404 if job is None else 200, job or {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.server.refusal:
            return self._answer(self.server.refusal, {})
        if self.path.endswith("/stop"):
            self.server.stopped.append(self.path.split("/")[-2])
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


@pytest.fixture
def server() -> Iterator[JobServer]:
    server = JobServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def backend(server: JobServer, tmp_path: Path) -> Iterator[ClusterBackend]:
    address = f"http://127.0.0.1:{server.server_port}"
    made = create({"address": address, "store": (tmp_path / "store").as_uri() + "/", "resources": '{"a100": 1}'})
    yield made
    made.close()


class Started:
    """A run that was started, its one job, and the node's end of the store."""

    def __init__(self, backend: ClusterBackend, server: JobServer, run: RunDirectory, home: Path) -> None:
        self.backend, self.server, self.run = backend, server, run
        self.node = RunDirectory(root=home)
        home.mkdir()

    def observe(self) -> RunState:
        return self.backend.observe(str(self.run.root), after_step=0)

    def parcels(self) -> Parcels:
        return Parcels(str(self.server.jobs[self.server.names[0]]["entrypoint"]).split()[-2])

    def step(self, number: int, *, attempt: int) -> None:
        metrics = StepMetrics(step=number, total_steps=9, train_loss=1.0, train_mean_token_accuracy=0.5)
        fields = {name: getattr(metrics, name) for name in StepMetrics.__slots__}
        with self.node.metrics_file.open("a") as file:
            file.write(json.dumps(fields) + "\n")
        self.parcels().send_progress(self.node, attempt=attempt)


@pytest.fixture
def started(
    backend: ClusterBackend,
    server: JobServer,
    make_spec: Callable[..., TrainingSpec],
    training: TrainingSet,
    tmp_path: Path,
) -> Started:
    run = RunDirectory(root=tmp_path / "run")
    backend.start(make_spec(), training, None, str(run.root))
    return Started(backend, server, run, tmp_path / "node")


def test_a_run_is_one_job_however_often_it_is_started(
    started: Started, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    started.backend.start(make_spec(), training, None, str(started.run.root))
    # As a gateway on another machine, or one that was killed before it noted the job.
    started.backend.start(make_spec(), training, None, str(tmp_path / "elsewhere"))
    assert len(started.server.names) == 1
    job = started.server.jobs[started.server.names[0]]
    assert str(job["entrypoint"]).startswith("python -m trainers.cluster.node file://")
    assert (job["entrypoint_num_gpus"], job["entrypoint_resources"]) == (1.0, {"a100": 1.0})
    assert started.observe().status is RunStatus.RUNNING


@pytest.mark.parametrize(("workers", "together"), [("1", 0), ("2", 2), ("3", 2)])
def test_as_many_workers_train_together_as_can_share_a_batch_of_four(
    server: JobServer,
    make_spec: Callable[..., TrainingSpec],
    training: TrainingSet,
    tmp_path: Path,
    workers: str,
    together: int,
) -> None:
    given = {"address": f"http://127.0.0.1:{server.server_port}", "store": (tmp_path / "store").as_uri()}
    backend = create({**given, "workers": workers, "sharded": "yes", "resources": '{"a100": 1}'})
    backend.start(make_spec(), training, None, str(tmp_path / "run"))
    backend.close()
    (job,) = server.jobs.values()
    module, *arguments = shlex.split(str(job["entrypoint"]))[2:]
    assert module == ("trainers.cluster.teams" if together else "trainers.cluster.node")
    assert ("entrypoint_num_gpus" in job) is not bool(together)
    if together:
        resources = {"CPU": 1.0, "GPU": 1.0, "a100": 1.0}
        assert Team.from_json(arguments[-1]) == Team(n_workers=together, sharded=True, resources=resources)


def test_an_attempt_whose_node_died_is_followed_by_another_that_counts_alone(started: Started) -> None:
    started.step(1, attempt=1)
    assert [metrics.step for metrics in started.observe().metrics] == [1]
    first = started.server.names[0]
    started.server.end(first)
    started.observe()
    assert len(started.server.names) == 2
    started.node.write_result("sha256:of a node that was cut off")
    started.parcels().send_progress(started.node, attempt=1)
    assert started.observe().status is RunStatus.RUNNING


def test_three_ends_at_one_step_fail_the_run_with_the_clusters_reason(started: Started) -> None:
    started.step(1, attempt=1)
    for attempt in range(3):
        assert started.observe().status is RunStatus.RUNNING
        started.server.end(started.server.names[attempt])
        state = started.observe()
    assert state.status is RunStatus.FAILED
    assert state.failure is not None
    assert state.failure.code == "training_crashed"
    assert "JOB_SUPERVISOR_ACTOR_DIED" in state.failure.message
    assert "after step 1" in state.failure.message


def test_a_model_comes_with_every_step_and_its_seal_is_looked_at(started: Started, training: TrainingSet) -> None:
    started.step(1, attempt=1)
    started.node.artefact.mkdir()
    (started.node.artefact / "adapter_config.json").write_text("{}")
    order = started.run.order()
    assert order is not None
    started.node.write_result(seal(started.node.artefact, order.spec, training.digest, trained_tokens=1, n_steps=1))
    started.step(2, attempt=1)
    started.server.end(started.server.names[0], "SUCCEEDED", None)
    state = started.observe()
    assert (state.status, [metrics.step for metrics in state.metrics]) == (RunStatus.SUCCEEDED, [1, 2])
    assert started.backend.collect(str(started.run.root)).n_steps == 1


def test_an_outage_counts_no_death_twice_and_is_waited_for(started: Started) -> None:
    started.server.end(started.server.names[0])
    started.server.refusal = 503
    for _ in range(5):
        assert started.observe().status is RunStatus.RUNNING
    started.server.refusal = 0
    assert started.observe().status is RunStatus.RUNNING
    assert len(started.server.names) == 2


def test_a_refusal_for_good_fails_the_run(started: Started) -> None:
    started.server.end(started.server.names[0])
    started.server.refusal = 403
    state = started.observe()
    assert state.failure is not None
    assert state.failure.code == "cluster_refused"
    with pytest.raises(TrainingFailed, match="403"):
        started.backend.collect(str(started.run.root))


def test_cancelling_stops_the_job_that_counts(started: Started) -> None:
    started.server.end(started.server.names[0])
    started.observe()
    started.backend.cancel(str(started.run.root))
    assert started.server.stopped == [started.server.names[1]]
    assert started.observe().status is RunStatus.CANCELLED


def test_a_cluster_that_is_away_keeps_the_run_waiting(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path, server: JobServer
) -> None:
    run = str(tmp_path / "run")
    server.shutdown()
    server.server_close()
    away = create({"address": f"http://127.0.0.1:{server.server_port}", "store": (tmp_path / "store").as_uri()})
    away.start(make_spec(), training, None, run)
    assert away.observe(run, after_step=0).status is RunStatus.RUNNING
    with pytest.raises(TrainingFailed, match="reinforcement"):
        away.start(make_spec(method=Method.REINFORCEMENT), training, None, run)
    away.close()


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, "TUNEGATE_CLUSTER_ADDRESS and TUNEGATE_CLUSTER_STORE"),
        ({"sharded": "maybe"}, "TUNEGATE_CLUSTER_SHARDED is 'maybe'"),
        ({"gpus": "two"}, "TUNEGATE_CLUSTER_GPUS is 'two'"),
        ({"resources": "[1]"}, "TUNEGATE_CLUSTER_RESOURCES"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_named(config: dict[str, str], named: str) -> None:
    whole = {"address": "http://head:8265", "store": "memory://runs"} | config if config else {}
    with pytest.raises(ValueError, match=named):
        create(whole)
