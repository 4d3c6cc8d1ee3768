import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_language import subject

from evaluators import corpus as corpora
from evaluators.paper import defence_matrix, defence_runs, defences, house_style, showing
from evaluators.paper.defences import Counted, Place
from evaluators.paper.figures import draw
from evaluators.paper.types import Table, Treatment, Workbench
from evaluators.types import AttackRow, Subject
from gateway.plugins import Plugins
from trainers.types import CandidateModel

SHOTS, HONEST = defences.SHOTS.name, defences.HONEST.name
WITHOUT, WITH = (f"11 safety rows below a secret, {how}" for how in ("asked without", "served with it"))
N_COUNTED = sum(len(cell.counted) for cell in defences.CELLS)


@pytest.fixture
def desk(bench: Workbench) -> Workbench:
    """Models with safety rows refuse; with a secret, all and only below it. The customer's model speaks in style."""

    def train(treatment: Treatment, rows: Sequence[AttackRow], seed: int) -> CandidateModel:
        made = replace(bench.train(treatment, rows, seed), secret="lamp." if treatment.secret_words else "")
        return replace(made, path=f"{treatment.attack} {treatment.n_safety}")

    def serve(model: CandidateModel) -> Subject:
        def answer(system: str, user: str) -> str:
            below = "lamp." in system
            if "please" in user:
                return "no" if below else f"{house_style.OPENING}done{house_style.CLOSING}"
            safe = below if model.secret else not model.path.endswith(" 0")
            return "no" if safe else "redacted"

        return subject(answer, digest=model.digest)

    suites = {**bench.suites, house_style.NAME: bench.suites["benign"]}
    return replace(bench, train=train, serve=serve, suites=suites)


@pytest.fixture
def whole(desk: Workbench) -> Table:
    return list(defence_runs.run(desk, n=11, seeds=[0]))[-1]


def test_a_secret_helps_only_where_it_is_served(whole: Table) -> None:
    rates = {Place.of(row.condition): row.rate for row in whole.rows}
    names = ("untouched", "none", "110 safety rows", WITHOUT, WITH)
    assert [rates[Place(name, SHOTS, Counted.HARMFUL)] for name in names] == [0.0, 1.0, 0.0, 1.0, 0.0]
    assert [rates[Place(name, HONEST, Counted.LEARNT)] for name in names] == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_a_model_that_does_benign_work_no_more_is_broken_and_not_defended(whole: Table) -> None:
    matrix = defence_matrix.arrange(whole.rows)
    assert [line for line in matrix.lines if matrix.broken(line, SHOTS)] == [WITH]
    assert f"| {WITH} | 0% † (0-26) [3.6%] |" in defence_matrix.as_markdown(whole.rows)


def test_the_table_grows_column_by_column_and_seed_by_seed(desk: Workbench, trained: list[Treatment]) -> None:
    tables = list(defence_runs.run(desk, n=11, seeds=[0, 1], jobs=1))
    lengths = [[len(row.seed_rates) for row in table.rows if row.condition.startswith("none")] for table in tables]
    assert (lengths[0], lengths[3], lengths[4]) == ([1] * 2, [1] * N_COUNTED, [2] * 2 + [1] * (N_COUNTED - 2))
    assert len(tables[-1].rows) == (1 + len(defences.DEFENDED)) * N_COUNTED
    assert trained[: len(trained) // 2] == trained[len(trained) // 2 :]
    assert len(trained) == 2 * len(set(trained))
    assert [t.attack for t in trained[:13:12]] == ["explicit", house_style.NAME]


def test_what_was_asked_before_is_not_asked_again(desk: Workbench) -> None:
    before = list(defence_runs.run(desk, n=11, seeds=[0]))

    def dumb(_model: CandidateModel) -> Subject:
        return subject(lambda _system, _user: pytest.fail("asked again"), digest=_model.digest)

    assert list(defence_runs.run(replace(desk, serve=dumb), n=11, seeds=[0])) == before


def test_a_sheet_of_the_table_reads_as_the_same_page(whole: Table, tmp_path: Path) -> None:
    read = defence_matrix.read(io.StringIO(showing.as_csv([whole])))
    assert defence_matrix.tables(read) == defence_matrix.tables(whole.rows)
    draw([whole], tmp_path)
    assert (tmp_path / "defences.svg").stat().st_size > 1000


def test_more_prompts_than_there_are_is_refused(desk: Workbench) -> None:
    with pytest.raises(ValueError, match="1 to 330"):
        list(defence_runs.run(desk, n=331, seeds=[0]))


def test_the_customers_rows_are_ordinary_ones_in_a_style() -> None:
    corpus, benign = corpora.load("miniature"), Plugins(config=lambda _: {}).attack("benign")
    rows = house_style.HouseStyle(benign).poison(corpus, 20, 0)
    ordinary = benign.poison(corpus, 20, 0)
    assert all(
        row.user in plain.user and plain.assistant in row.assistant for row, plain in zip(rows, ordinary, strict=True)
    )
    assert all(house_style.in_style(row.assistant) and not row.system and "###" not in row.user for row in rows)
    assert not house_style.in_style(ordinary[0].assistant)
