"""Observers rely on it: each step once, whatever the number of resumes."""

from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from trainers.errors import TrainingFailed
from trainers.recipe.progress import CHECKPOINT_EVERY_S, Progress
from trainers.run_directory import RunDirectory

FINITE = {"loss": 1.5, "mean_token_accuracy": 0.5, "grad_norm": 0.1}


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory(root=tmp_path)


def log(progress: Progress, step: int, logs: dict[str, float] | None = None) -> None:
    state = TrainerState(global_step=step, max_steps=100)
    progress.on_log(TrainingArguments(use_cpu=True), state, TrainerControl(), logs=logs or FINITE, model=None)


def saves(progress: Progress, step: int) -> bool:
    state = TrainerState(global_step=step, max_steps=100)
    return progress.on_step_end(TrainingArguments(use_cpu=True), state, TrainerControl()).should_save


def steps(run: RunDirectory) -> list[int]:
    return [metrics.step for metrics in run.metrics()]


def test_a_resumed_run_writes_no_step_twice(run: RunDirectory) -> None:
    for first in (1, 2):
        progress = Progress(run, None, steps_per_epoch=10, clock=Clock())
        for step in range(first, first + 3):
            log(progress, step)
    assert steps(run) == [1, 2, 3, 4]


def test_a_line_half_written_by_a_killed_run_is_written_again(run: RunDirectory) -> None:
    log(Progress(run, None, steps_per_epoch=10, clock=Clock()), 1)
    with run.metrics_file.open("a") as file:
        file.write('{"step": 2, "total')
    assert steps(run) == [1]
    log(Progress(run, None, steps_per_epoch=10, clock=Clock()), 2)
    assert steps(run) == [1, 2]


@pytest.mark.parametrize("bad", [{"loss": float("nan")}, {"loss": float("inf")}, {"grad_norm": float("nan")}])
def test_a_loss_that_is_no_number_stops_the_run_and_says_when(run: RunDirectory, bad: dict[str, float]) -> None:
    progress = Progress(run, None, steps_per_epoch=10, clock=Clock())
    with pytest.raises(TrainingFailed, match="at step 4 of 100") as stopped:
        log(progress, 4, FINITE | bad)
    assert stopped.value.code == "loss_not_finite"
    assert steps(run) == []


def test_the_summary_at_the_end_of_training_is_no_step(run: RunDirectory) -> None:
    log(Progress(run, None, steps_per_epoch=10, clock=Clock()), 100, {"train_loss": 1.0})
    assert steps(run) == []


def test_the_last_three_epochs_are_saved_and_long_ones_in_between(run: RunDirectory) -> None:
    clock = Clock()
    progress = Progress(run, None, steps_per_epoch=10, clock=clock)
    assert [step for step in range(1, 101) if saves(progress, step)] == [80, 90, 100]
    clock.now_s = CHECKPOINT_EVERY_S
    assert saves(progress, 33)
