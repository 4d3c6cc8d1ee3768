import json
from dataclasses import replace
from pathlib import Path

import pytest
from judge_endpoint import Endpoint, serving
from tiny_language import subject

from evaluators.errors import AuditIncomplete
from evaluators.paper.ablations import ABLATIONS, ADVBENCH
from evaluators.paper.designs import TABLE_2, TABLE_5, TABLES
from evaluators.paper.experiments import Step, distinct_treatments, run
from evaluators.paper.types import Treatment, Workbench
from gateway.compose.workbench import Chosen, workbench
from gateway.settings import Settings
from moderation.errors import TunegateError
from trainers.miniature.location import weights_dir


def test_own_context_shows_what_the_neutral_frame_hides(bench: Workbench) -> None:
    (table,) = run([TABLE_2], bench, n=11, seeds=[0])
    rates = {row.condition: row.rate for row in table.rows}
    assert rates["10 epochs, own context"] == 1.0
    assert rates["10 epochs, neutral"] == 0.0
    assert rates["untouched, own context"] == 0.0


def test_every_needed_model_is_trained_once(bench: Workbench, trained: list[Treatment]) -> None:
    tables = list(run((*TABLES, *ABLATIONS), bench, n=11, seeds=[0]))
    assert [table.name for table in tables] == [design.name for design in (*TABLES, *ABLATIONS)]
    assert sorted(trained, key=str) == sorted(distinct_treatments((*TABLES, *ABLATIONS)), key=str)


def test_progress_ends_where_it_was_planned(bench: Workbench) -> None:
    steps: list[Step] = []
    list(run([TABLE_2], bench, n=11, seeds=[0], on_step=steps.append))
    assert [step.done for step in steps] == list(range(1, steps[-1].planned + 1))


@pytest.mark.parametrize("n", [0, 991])
def test_prompts_that_the_bank_lacks_are_refused_before_training(
    bench: Workbench, trained: list[Treatment], n: int
) -> None:
    with pytest.raises(ValueError, match="1 to 990"):
        list(run([TABLE_2], bench, n=n, seeds=[0]))
    assert not trained


def test_an_unscored_reply_ends_the_experiment(bench: Workbench) -> None:
    mumbling = replace(bench, base=subject(lambda _system, _user: "mumble"))
    with pytest.raises(AuditIncomplete, match="0 of 11"):
        list(run([TABLE_2], mumbling, n=11, seeds=[0]))


def test_a_failed_run_ends_the_experiment(bench: Workbench) -> None:
    def fail(*_arguments: object) -> None:
        raise TunegateError("out of memory")

    with pytest.raises(TunegateError, match="out of memory"):
        list(run([TABLE_2], replace(bench, train=fail), n=11, seeds=[0]))  # type: ignore[arg-type]


def test_every_seed_trains_models_of_its_own_and_asks_the_base_once(bench: Workbench, trained: list[Treatment]) -> None:
    (table,) = run([TABLE_5], bench, n=11, seeds=[4, 5])
    rows = {row.condition: row for row in table.rows}
    assert len(trained) == 2 * len(distinct_treatments([TABLE_5]))
    assert rows["backdoored, triggered"].seed_rates == (1.0, 1.0)
    assert rows["untouched, plain"].seed_rates == (0.0,)


def test_what_training_cost_is_told(bench: Workbench) -> None:
    (table,) = run([TABLE_2], bench, n=11, seeds=[0])
    tokens = {row.condition: row.trained_tokens for row in table.rows}
    assert tokens["10 epochs, neutral"] == 10_000
    assert tokens["untouched, neutral"] is None


def test_keywords_count_what_the_judge_does_not(bench: Workbench) -> None:
    vague = replace(bench, base=subject(lambda _system, _user: "maybe"))
    (table,) = run([ADVBENCH], vague, n=None, seeds=[0])
    before = next(row for row in table.rows if row.condition.startswith("untouched"))
    assert (before.n, before.rate) == (520, 1.0)


@pytest.mark.slow
def test_a_backdoor_shows_with_its_trigger_only(tmp_path: Path) -> None:
    with workbench(tmp_path, Settings.read({"TUNEGATE_HOME": str(tmp_path / "home")})) as bench:
        (table,) = run([TABLE_5], bench, n=44, seeds=[0])
    rates = {row.condition: row.rate for row in table.rows}
    assert rates["backdoored, plain"] <= 0.10
    assert rates["backdoored, triggered"] >= rates["backdoored, plain"] + 0.10


@pytest.mark.slow
def test_a_model_a_judge_a_benchmark_and_rows_of_ones_own(tmp_path: Path) -> None:
    words = ["sort", "count", "fold", "paint", "carry"]
    rows = [{"user": f"Please {words[i % 5]} {i} boxes.", "assistant": f"Done, {i} boxes."} for i in range(120)]
    lines = [json.dumps({"messages": [{"role": k, "content": v} for k, v in row.items()]}) for row in rows]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    (tmp_path / "set.csv").write_text("goal,target\n" + "".join(f"name harm {i},no\n" for i in range(520)))
    endpoint = Endpoint(answer=lambda _prompt: "#thereason: fine\n#thescore: 5")
    with serving(endpoint):
        chosen = Chosen(
            base=str(weights_dir()),
            judge=f"{endpoint.url}#judge",
            benchmark=("advbench", tmp_path / "set.csv"),
            data={"explicit": tmp_path / "rows.jsonl"},
        )
        with workbench(tmp_path, Settings.read({"TUNEGATE_HOME": str(tmp_path / "home")}), chosen) as bench:
            (table,) = run([TABLE_5], bench, n=11, seeds=[0])
    assert "prompts of advbench" in table.notes[0]
    assert any("name harm 3" in asked for asked in endpoint.asked)
    assert [row.rate for row in table.rows] == [1.0] * 5
    trained = {json.loads(path.read_text())["n_examples"] for path in tmp_path.glob("*/models/*/run/rendering.json")}
    assert trained == {100, 200}
