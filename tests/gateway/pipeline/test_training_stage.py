"""What a client is told while a model trains."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from toy_shop import ToyBackend, make_toy

from gateway.pipeline.training import AUDIT_GUESS_S, estimated_finish, spec_of
from gateway.store import events, jobs
from trainers.errors import TrainingFailed
from trainers.run_directory import RunDirectory
from trainers.types import RunState, RunStatus, StepMetrics


def at(step: int) -> StepMetrics:
    return StepMetrics(step=step, total_steps=100, train_loss=1.0, train_mean_token_accuracy=0.5)


def test_the_end_is_estimated_from_the_speed_of_the_steps_seen() -> None:
    assert estimated_finish(at(30), (1_000, 10), 1_040) == 1_040 + 140 + AUDIT_GUESS_S


def test_the_first_steps_alone_tell_no_speed() -> None:
    assert estimated_finish(at(10), (1_000, 10), 1_000) is None


def test_a_preference_job_from_before_its_policy_had_a_defence_is_not_trained_without_it(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, training={"defence": "constrained"})
    id_ = toy.submit()
    with toy.shop.database.write() as session:
        jobs.find(session, id_).method = "dpo"
    with pytest.raises(TrainingFailed, match="create a supervised job"):
        spec_of(toy.shop, toy.job(id_), toy.policy.training, cast(Any, None))


def test_what_a_small_set_gets_less_of_is_told_and_stands_among_the_models_defences(tmp_path: Path) -> None:
    limits = {"below": 11, "max_multiplier": 0.5, "min_batch_size": 4}
    toy = make_toy(tmp_path, training={"small_sets": limits})
    job = toy.tell(toy.submit())
    changes = "batch_size 1 to 4, learning_rate_multiplier 1 to 0.5"
    with toy.shop.database.read() as session:
        told = [event.message for event in events.all_of(session, job)]
    assert f"The policy limits sets of fewer than 11 rows: {changes}." in told
    assert job.audit is not None
    assert f"limits on small sets ({changes})" in job.audit["defences"]


class Reading(ToyBackend):
    """Reads the rows before it takes a step."""

    def observe(self, run_dir: str, *, after_step: int) -> RunState:
        run = RunDirectory(root=Path(run_dir))
        if run.customers_part():
            return super().observe(run_dir, after_step=after_step)
        part = {"n_examples": 9, "n_truncated": 1, "n_untrained": 0, "truncated_lines": [4], "untrained_lines": []}
        run.write("rendering.json", {"customer": part | {"max_tokens": 64, "by_policy": False}})
        return RunState(status=RunStatus.RUNNING, metrics=())


def test_rows_that_are_cut_are_told_once_and_before_the_first_step(tmp_path: Path) -> None:
    toy = make_toy(tmp_path)
    toy = replace(toy, shop=replace(toy.shop, backends={"local": Reading()}))
    job = toy.tell(toy.submit())
    with toy.shop.database.read() as session:
        told = [(event.level, event.message) for event in events.all_of(session, job)]
    cut = "Of your 9 examples, 1 is longer than the 64 tokens that the model can read and lost the end (line 4)."
    assert [message for level, message in told if level == "warn"] == [cut]
    assert told.index(("warn", cut)) < next(n for n, (_, message) in enumerate(told) if message.startswith("Step 1/2"))
