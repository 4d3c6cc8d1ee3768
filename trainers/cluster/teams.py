"""`python -m trainers.cluster.teams STORE ATTEMPT DEATHS TEAM`: one attempt at a run by workers under Ray Train.

Each worker has a directory of its own on its node. What is lost of them ends the attempt for all, and the backend
begins another from the last checkpoint.
"""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

from trainers.cluster.node import carry_out
from trainers.cluster.parcels import Parcels
from trainers.cluster.queueing import Team
from trainers.recipe import ranks


class LeftTheTeam(Exception):
    """A worker cannot go on; what the gateway must know of it is in the store."""


def train(store: str, attempt: int, n_deaths: int, team: Team) -> None:
    """Have the team carry out the attempt. Raises Ray's `TrainingFailedError` when a worker or its node was lost."""
    on_gpus = team.resources.get("GPU", 0) > 0
    with tempfile.TemporaryDirectory(prefix="tunegate-team-") as notes:
        TorchTrainer(
            _work,
            train_loop_config={
                "store": store,
                "attempt": attempt,
                "n_deaths": n_deaths,
                "environment": {ranks.SHARDED: str(int(team.sharded)), ranks.GPUS: str(int(on_gpus))},
            },
            torch_config=TorchConfig(backend="nccl" if on_gpus else "gloo"),
            scaling_config=ScalingConfig(
                num_workers=team.n_workers, use_gpu=on_gpus, resources_per_worker=dict(team.resources)
            ),
            run_config=RunConfig(storage_path=notes),
        ).fit()


def _work(asked: dict[str, Any]) -> None:
    """What each worker does; Ray has told it its rank, and where to meet the others."""
    os.environ |= asked["environment"]
    with tempfile.TemporaryDirectory(prefix="tunegate-run-") as home:
        try:
            again = carry_out(Parcels(asked["store"]), asked["attempt"], Path(home), n_deaths=asked["n_deaths"])
        except SystemExit as exc:
            raise LeftTheTeam(f"worker {ranks.number()} of {ranks.count()}: {exc}") from exc
        if again:
            raise LeftTheTeam(f"worker {ranks.number()} of {ranks.count()}: memory ran out")


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m trainers.cluster.teams", description=__doc__)
    parser.add_argument("store", help="fsspec URL of the run's directory")
    parser.add_argument("attempt", type=int)
    parser.add_argument("deaths", type=int, help="how often earlier attempts ended where this one begins")
    parser.add_argument("team", type=Team.from_json, help="workers that train together, as JSON")
    asked = parser.parse_args()
    train(asked.store, asked.attempt, asked.deaths, asked.team)


if __name__ == "__main__":
    main()
