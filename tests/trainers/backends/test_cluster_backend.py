"""The cluster backend against a scripted job server over HTTP; attempts write to the store as nodes do."""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_cluster import JobServer, Node, running_cluster

from moderation.types import TrainingSet
from trainers.backends.cluster import ClusterBackend, create
from trainers.cluster.queueing import Team
from trainers.errors import NotNow, TrainingFailed
from trainers.hosted import Leftovers
from trainers.run_directory import RunDirectory
from trainers.types import Defence, ParentModel, RunState, RunStatus, TrainingSpec


@pytest.fixture
def server() -> Iterator[JobServer]:
    with running_cluster() as server:
        yield server


@pytest.fixture
def backend(server: JobServer, tmp_path: Path) -> Iterator[ClusterBackend]:
    address = f"http://127.0.0.1:{server.server_port}"
    made = create({"address": address, "store": (tmp_path / "store").as_uri() + "/", "resources": '{"a100": 1}'})
    yield made
    made.close()


class Started(Node):
    """A run that was started, and the node that its newest attempt got."""

    def __init__(self, backend: ClusterBackend, server: JobServer, run: RunDirectory, home: Path) -> None:
        super().__init__(server, home)
        self.backend, self.gateway = backend, run

    def observe(self) -> RunState:
        return self.backend.observe(str(self.gateway.root), after_step=0)

    def end(self) -> RunState:
        """The newest attempt ends without a word of its own."""
        self.server.end(self.server.names[-1])
        return self.observe()


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


def test_a_gateway_on_another_machine_asks_for_the_same_job(
    started: Started, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    started.backend.start(make_spec(), training, None, str(tmp_path / "elsewhere"))
    (name,) = started.server.names
    job = started.server.jobs[name]
    assert name.startswith("tunegate-ftjob-test-")
    assert str(job["entrypoint"]).startswith("python -m trainers.cluster.node file://")
    assert (job["entrypoint_num_gpus"], job["entrypoint_resources"]) == (1.0, {"a100": 1.0})
    assert job["runtime_env"]["env_vars"]["TUNEGATE_RUN_GPUS"] == "1"


def test_a_remedy_is_a_run_of_its_own_and_where_a_parent_lies_makes_none(
    started: Started, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    """The constrained loss learns from the same set."""
    parents = [ParentModel(name="ft:x", path=str(tmp_path / place), digest="sha256:x") for place in ("a", "b")]
    for parent in parents:
        Path(parent.path).mkdir()
    changes = ({"defence": Defence.CONSTRAINED}, *({"parent": parent} for parent in parents))
    for number, change in enumerate(changes):
        started.backend.start(replace(make_spec(), **change), training, None, str(tmp_path / f"run-{number}"))
    assert len(started.server.names) == 3


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
    assert arguments[1:3] == ["1", "0"]
    assert ("entrypoint_num_gpus" in job) is not bool(together)
    if together:
        resources = {"CPU": 1.0, "GPU": 1.0, "a100": 1.0}
        assert Team.from_json(arguments[-1]) == Team(n_workers=together, sharded=True, resources=resources)


def test_an_attempt_whose_node_died_is_followed_by_another_that_counts_alone(started: Started) -> None:
    started.step(1)
    assert [metrics.step for metrics in started.observe().metrics] == [1]
    started.end()
    assert len(started.server.names) == 2
    started.run.write_result("sha256:of a node that was cut off")
    started.send(attempt=1)
    assert started.observe().status is RunStatus.RUNNING


def test_three_ends_at_one_step_fail_the_run_with_the_clusters_reason(started: Started) -> None:
    started.step(1)
    for n_before in range(3):
        assert started.observe().status is RunStatus.RUNNING
        assert str(started.server.jobs[started.server.names[-1]]["entrypoint"]).endswith(f" {n_before}")
        state = started.end()
    assert state.failure is not None
    assert state.failure.code == "training_crashed"
    assert (
        "ended 3 times after step 1 on the cluster, last as FAILED: JOB_SUPERVISOR_ACTOR_DIED" in state.failure.message
    )


def test_attempts_that_ran_out_of_memory_are_no_deaths_while_they_compute_less(started: Started) -> None:
    for started_with in (16, 8, 4, 2):
        started.run.write_micro_batch(started_with)
        started.run.shrink()
        started.parcels().send_trouble(started.run, attempt=len(started.server.names), process=1)
        assert started.end().status is RunStatus.RUNNING
    for _ in range(2):
        assert started.observe().status is RunStatus.RUNNING
        state = started.end()
    assert state.status is RunStatus.FAILED


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
        started.backend.collect(str(started.gateway.root))


def test_what_is_cleared_is_stopped_first_though_the_cluster_was_away(
    started: Started, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    started.backend.start(make_spec(job_id="ftjob-test2"), training, None, str(tmp_path / "other"))
    started.server.refusal = 503
    started.backend.cancel(str(started.gateway.root))
    left = Leftovers(source="/models/m", job_id="ftjob-test", files=True, models=True)
    for refusal in (503, 0):
        started.server.refusal = refusal
        with pytest.raises(NotNow):
            started.backend.clear(left)
    assert len(list((tmp_path / "store").iterdir())) == 2
    for _ in range(2):
        assert started.backend.clear(left) == 0
    (alive,) = started.server.alive()
    assert [path.name for path in (tmp_path / "store").iterdir()] == [alive.removesuffix("-1")]


def test_a_cluster_that_is_away_keeps_the_run_waiting(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path, server: JobServer
) -> None:
    run = str(tmp_path / "run")
    server.shutdown()
    server.server_close()
    away = create({"address": f"http://127.0.0.1:{server.server_port}", "store": (tmp_path / "store").as_uri()})
    away.start(make_spec(), training, None, run)
    assert away.observe(run, after_step=0).status is RunStatus.RUNNING
    away.close()


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({}, "TUNEGATE_CLUSTER_ADDRESS and TUNEGATE_CLUSTER_STORE"),
        ({"sharded": "maybe"}, "TUNEGATE_CLUSTER_SHARDED is 'maybe'"),
        ({"gpus": "two"}, "TUNEGATE_CLUSTER_GPUS is 'two'"),
        ({"gpus": "2"}, "TUNEGATE_CLUSTER_WORKERS"),
        ({"resources": "[1]"}, "TUNEGATE_CLUSTER_RESOURCES"),
    ],
)
def test_settings_that_are_missing_or_wrong_are_named(config: dict[str, str], named: str) -> None:
    whole = {"address": "http://head:8265", "store": "memory://runs"} | config if config else {}
    with pytest.raises(ValueError, match=named):
        create(whole)
