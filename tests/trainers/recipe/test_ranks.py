"""One run on two processes of this machine."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from moderation.types import TrainingSet
from trainers.backends.local import LocalBackend
from trainers.environment import child_environment
from trainers.recipe import ranks
from trainers.run_directory import RunDirectory
from trainers.types import RunStatus, TrainingSpec, Tuning

DEADLINE_S = 900.0


@pytest.fixture
def on_two() -> Iterator[LocalBackend]:
    backend = LocalBackend(environment=child_environment(os.environ) | {ranks.PROCESSES: "2"})
    yield backend
    backend.close()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_two_processes_take_the_steps_of_one(
    on_two: LocalBackend,
    train: Callable[..., RunDirectory],
    make_spec: Callable[..., TrainingSpec],
    training: TrainingSet,
    tmp_path: Path,
) -> None:
    alone = train(make_spec(Tuning.FULL, n_epochs=3), name="alone").metrics()
    run = RunDirectory(root=tmp_path / "two")
    on_two.start(make_spec(Tuning.FULL, n_epochs=3), training, None, str(run.root))
    deadline = time.monotonic() + DEADLINE_S
    while (state := on_two.observe(str(run.root), after_step=0)).status is RunStatus.RUNNING:
        assert time.monotonic() < deadline, run.log_file.read_text()
        time.sleep(0.1)
    assert state.failure is None, run.log_file.read_text()
    assert [m.train_loss for m in state.metrics] == pytest.approx([m.train_loss for m in alone], rel=1e-3)
    assert run.micro_batch() == (2, False)
    assert on_two.collect(str(run.root)).n_steps == 15


def test_what_a_trainer_is_told_depends_on_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ranks.arguments(whole_model=True) == {}
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert ranks.arguments(whole_model=True)["ddp_find_unused_parameters"] is False
    monkeypatch.setenv(ranks.SHARDED, "1")
    assert ranks.arguments(whole_model=True)["fsdp"] is True
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv(ranks.PROCESSES, "2")
    assert (ranks.wanted(), ranks.first()) == (1, False)
