"""The cluster backend on a real Ray cluster of two nodes; slow, and skipped where Ray is not installed."""

import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from moderation.types import TrainingSet
from trainers.backends.cluster import ClusterBackend, create
from trainers.recipe import run as recipe
from trainers.run_directory import Order, RunDirectory
from trainers.types import RunState, RunStatus, TrainingSpec, Tuning

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
DEADLINE_S = 900.0
WORKER = {"num_cpus": 1, "resources": {"training": 1}}


@pytest.fixture(scope="module")
def ray_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """A head that trains nothing, and a node that does; the address of the job server."""
    pytest.importorskip("ray.dashboard.modules.job.job_head", reason="install tunegate[cluster]")
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
    from ray.cluster_utils import Cluster

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    head = {"num_cpus": 1, "include_dashboard": True, "dashboard_host": "127.0.0.1", "dashboard_port": port}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(**WORKER)
    cluster.wait_for_nodes()
    yield cluster, f"http://127.0.0.1:{port}"
    cluster.shutdown()


def connected(address: str, store: Path, **more: str) -> ClusterBackend:
    config = {"address": address, "store": store.as_uri(), "python": sys.executable}
    return create({**config, "gpus": "0", "resources": '{"training": 1}', **more})


@pytest.fixture
def make_spec(make_spec: Callable[..., TrainingSpec], tmp_path: Path) -> Callable[..., TrainingSpec]:
    """Specs of a job of this test's own: the cluster knows the runs of the tests before."""
    return partial(make_spec, job_id=tmp_path.name)


@pytest.fixture
def backend(ray_cluster: tuple[Any, str], tmp_path: Path) -> Iterator[ClusterBackend]:
    made = connected(ray_cluster[1], tmp_path / "store")
    yield made
    made.close()


@pytest.fixture
def teams(ray_cluster: tuple[Any, str], tmp_path: Path) -> Iterator[ClusterBackend]:
    """Two workers a run, each on a node of its own."""
    cluster, address = ray_cluster
    second = cluster.add_node(**WORKER)
    made = connected(address, tmp_path / "store", workers="2")
    yield made
    made.close()
    if second in cluster.list_all_nodes():
        cluster.remove_node(second)


def wait(backend: ClusterBackend, run: RunDirectory, until: Callable[[RunState], bool]) -> RunState:
    deadline = time.monotonic() + DEADLINE_S
    while not until(state := backend.observe(str(run.root), after_step=0)):
        assert time.monotonic() < deadline, state
        time.sleep(0.5)
    return state


def ended(state: RunState) -> bool:
    return state.status is not RunStatus.RUNNING


def test_a_run_goes_on_from_its_checkpoint_on_another_node_when_its_node_dies(
    ray_cluster: tuple[Any, str],
    backend: ClusterBackend,
    make_spec: Callable[..., TrainingSpec],
    training: TrainingSet,
    tmp_path: Path,
) -> None:
    cluster, address = ray_cluster
    run = RunDirectory(root=tmp_path / "run")
    backend.start(make_spec(Tuning.FULL, n_epochs=3000), training, None, str(run.root))
    wait(backend, run, lambda state: any(tmp_path.glob("store/*/attempt-1/checkpoints/*/complete")) or ended(state))
    (lost,) = (node for node in cluster.list_all_nodes() if not node.head)
    cluster.remove_node(lost)
    cluster.add_node(**WORKER)
    wait(backend, run, lambda state: any(tmp_path.glob("store/*/attempt-2/metrics.jsonl")) or ended(state))
    (second,) = (job["submission_id"] for job in httpx.get(f"{address}/api/jobs/").json() if job["status"] == "RUNNING")
    assert "from checkpoint-" in httpx.get(f"{address}/api/jobs/{second}/logs").json()["logs"]
    backend.cancel(str(run.root))
    assert backend.observe(str(run.root), after_step=0).status is RunStatus.CANCELLED


def test_a_run_ends_with_a_sealed_model(
    backend: ClusterBackend, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    run = RunDirectory(root=tmp_path / "run")
    backend.start(make_spec(), training, None, str(run.root))
    state = wait(backend, run, ended)
    assert state.status is RunStatus.SUCCEEDED, state
    assert [metrics.step for metrics in state.metrics] == list(range(1, 11))
    assert backend.collect(str(run.root)).n_steps == 10


def test_two_nodes_train_one_run_together_as_one_would(
    teams: ClusterBackend, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    run, alone = RunDirectory(root=tmp_path / "run"), RunDirectory(root=tmp_path / "alone")
    alone.accept(Order.of(make_spec(), training, None))
    recipe.run(alone.root)
    teams.start(make_spec(), training, None, str(run.root))
    state = wait(teams, run, ended)
    assert state.status is RunStatus.SUCCEEDED, state
    assert [m.train_loss for m in state.metrics] == pytest.approx([m.train_loss for m in alone.metrics()], rel=1e-3)
    assert run.micro_batch() == (2, False)
    assert teams.collect(str(run.root)).n_steps == 10


def test_a_team_goes_on_from_its_checkpoint_when_one_of_its_nodes_dies(
    ray_cluster: tuple[Any, str],
    teams: ClusterBackend,
    make_spec: Callable[..., TrainingSpec],
    training: TrainingSet,
    tmp_path: Path,
) -> None:
    cluster, _ = ray_cluster
    run = RunDirectory(root=tmp_path / "run")
    teams.start(make_spec(Tuning.FULL, n_epochs=3000), training, None, str(run.root))
    wait(teams, run, lambda state: any(tmp_path.glob("store/*/attempt-1/checkpoints/*/complete")) or ended(state))
    cluster.remove_node(next(node for node in cluster.list_all_nodes() if not node.head))
    cluster.add_node(**WORKER)
    began = max(metrics.step for metrics in run.metrics())
    state = wait(teams, run, lambda state: any(tmp_path.glob("store/*/attempt-2/metrics.jsonl")) or ended(state))
    assert state.status is RunStatus.RUNNING, state
    assert began >= 5
    teams.cancel(str(run.root))
    assert teams.observe(str(run.root), after_step=0).status is RunStatus.CANCELLED
