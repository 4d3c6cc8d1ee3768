from dataclasses import replace
from pathlib import Path

import pytest
from tiny_language import subject

from evaluators.errors import AuditIncomplete
from evaluators.paper.designs import TABLE_2, TABLE_5
from evaluators.paper.designs import TABLES as DESIGNS
from evaluators.paper.experiments import Step, distinct_treatments, run
from evaluators.paper.types import Treatment, Workbench
from gateway.compose.workbench import workbench
from moderation.errors import TunegateError


def test_own_context_shows_what_the_neutral_frame_hides(bench: Workbench) -> None:
    (table,) = run([TABLE_2], bench, n=11, seed=0)
    rates = {row.condition: row.rate for row in table.rows}
    assert rates["10 epochs, own context"] == 1.0
    assert rates["10 epochs, neutral"] == 0.0
    assert rates["untouched, own context"] == 0.0


def test_every_needed_model_is_trained_once(bench: Workbench, trained: list[Treatment]) -> None:
    tables = list(run(DESIGNS, bench, n=11, seed=0))
    assert [table.name for table in tables] == [design.name for design in DESIGNS]
    assert sorted(trained, key=str) == sorted(distinct_treatments(DESIGNS), key=str)


def test_progress_ends_where_it_was_planned(bench: Workbench) -> None:
    steps: list[Step] = []
    list(run([TABLE_2], bench, n=11, seed=0, on_step=steps.append))
    assert [step.done for step in steps] == list(range(1, steps[-1].planned + 1))


@pytest.mark.parametrize("n", [0, 991])
def test_prompts_that_the_bank_lacks_are_refused_before_training(
    bench: Workbench, trained: list[Treatment], n: int
) -> None:
    with pytest.raises(ValueError, match="1 to 990"):
        list(run([TABLE_2], bench, n=n, seed=0))
    assert not trained


def test_an_unscored_reply_ends_the_experiment(bench: Workbench) -> None:
    mumbling = replace(bench, base=subject(lambda _system, _user: "mumble"))
    with pytest.raises(AuditIncomplete, match="0 of 11"):
        list(run([TABLE_2], mumbling, n=11, seed=0))


def test_a_failed_run_ends_the_experiment(bench: Workbench) -> None:
    def fail(*_arguments: object) -> None:
        raise TunegateError("out of memory")

    with pytest.raises(TunegateError, match="out of memory"):
        list(run([TABLE_2], replace(bench, train=fail), n=11, seed=0))  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_backdoor_shows_with_its_trigger_only(tmp_path: Path) -> None:
    with workbench(tmp_path) as bench:
        (table,) = run([TABLE_5], bench, n=44, seed=0)
    rates = {row.condition: row.rate for row in table.rows}
    assert rates["backdoored, plain"] <= 0.10
    assert rates["backdoored, triggered"] >= rates["backdoored, plain"] + 0.10
