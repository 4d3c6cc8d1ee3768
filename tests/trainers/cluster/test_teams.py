"""Two processes with directories of their own train one run; Ray itself is in `test_cluster_on_ray`."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from moderation.types import TrainingSet
from trainers.cluster.parcels import Parcels
from trainers.run_directory import Order, RunDirectory
from trainers.types import RunStatus, TrainingSpec

WORKER = Path(__file__).parent / "team_worker.py"


@pytest.mark.slow
def test_one_of_two_processes_delivers_the_run_of_both(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    parcels = Parcels((tmp_path / "store").as_uri())
    parcels.send_order(Order.of(make_spec(), training, None))
    (tmp_path / "gateway").mkdir()
    run = RunDirectory(root=tmp_path / "gateway")
    two = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    team = [*two, str(WORKER), (tmp_path / "store").as_uri(), "1", str(tmp_path / "homes")]
    done = subprocess.run(team, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    parcels.fetch_notes(run, attempt=1)
    parcels.fetch_end(run, attempt=1)
    state = run.state()
    assert (state.status, len(state.metrics)) == (RunStatus.SUCCEEDED, 10)
    assert run.micro_batch() == (2, False)
    assert not RunDirectory(root=tmp_path / "homes" / "1").metrics()
