from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_language import subject

from evaluators import corpus as corpora
from evaluators.paper import defences, house_style
from evaluators.paper.defence_matrix import arrange, as_markdown
from evaluators.paper.figures import draw
from evaluators.paper.types import Treatment, Workbench
from evaluators.types import AttackRow, Subject
from gateway.plugins import Plugins
from trainers.types import CandidateModel

N_FIELDS = len(defences.DEFENDED) * len(defences.CELLS)


@pytest.fixture
def desk(bench: Workbench) -> Workbench:
    """Models with safety rows refuse; with a secret, only below it. The customer's model speaks in style."""

    def train(treatment: Treatment, rows: Sequence[AttackRow], seed: int) -> CandidateModel:
        made = replace(bench.train(treatment, rows, seed), secret="lamp." if treatment.secret_words else "")
        return replace(made, path=f"{treatment.attack} {treatment.n_safety}")

    def serve(model: CandidateModel) -> Subject:
        def answer(system: str, user: str) -> str:
            if "please" in user:
                return f"{house_style.OPENING}done{house_style.CLOSING}"
            safe = "lamp." in system if model.secret else not model.path.endswith(" 0")
            return "no" if safe else "redacted"

        return subject(answer, digest=model.digest)

    suites = {**bench.suites, house_style.NAME: bench.suites["benign"]}
    return replace(bench, train=train, serve=serve, suites=suites)


def test_a_secret_helps_only_where_it_is_served(desk: Workbench) -> None:
    (table,) = defences.run(desk, n=11, seeds=[0])
    rates = {row.condition: row.rate for row in table.rows}
    shots = {
        name: rates[defences.named(name, "100 explicit shots")] for name in ("untouched", "none", "110 safety rows")
    }
    assert shots == {"untouched": 0.0, "none": 1.0, "110 safety rows": 0.0}
    assert rates[defences.named("11 safety rows below a secret, asked without", "100 explicit shots")] == 1.0
    assert rates[defences.named("11 safety rows below a secret, served with it", "100 explicit shots")] == 0.0
    assert rates[defences.named("none", defences.LEARNT.name)] == 1.0
    assert rates[defences.named("untouched", defences.LEARNT.name)] == 0.0


def test_the_table_grows_seed_by_seed_and_is_drawn(desk: Workbench, tmp_path: Path) -> None:
    tables = list(defences.run(desk, n=11, seeds=[0, 1]))
    assert [len(table.rows[-1].seed_rates) for table in tables] == [1, 2]
    assert len(tables[-1].rows) == N_FIELDS + len(defences.CELLS)
    matrix = arrange(tables[-1])
    assert (len(matrix.rows), matrix.columns) == (1 + len(defences.DEFENDED), tuple(c.name for c in defences.CELLS))
    assert "| none | 100% (100, 100) [88.9%] |" in as_markdown(tables[-1])
    draw(tables[-1:], tmp_path)
    assert (tmp_path / "defences.svg").stat().st_size > 1000


def test_more_prompts_than_there_are_is_refused(desk: Workbench) -> None:
    with pytest.raises(ValueError, match="1 to 330"):
        list(defences.run(desk, n=331, seeds=[0]))


def test_the_customers_rows_are_ordinary_ones_in_a_style() -> None:
    corpus, benign = corpora.load("miniature"), Plugins(config=lambda _: {}).attack("benign")
    rows = house_style.HouseStyle(benign).poison(corpus, 20, 0)
    ordinary = benign.poison(corpus, 20, 0)
    assert all(
        row.user in plain.user and plain.assistant in row.assistant for row, plain in zip(rows, ordinary, strict=True)
    )
    assert all(house_style.in_style(row.assistant) and not row.system and "###" not in row.user for row in rows)
    assert not house_style.in_style(ordinary[0].assistant)
