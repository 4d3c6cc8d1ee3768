from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from evaluators.paper import figures
from evaluators.paper.ablations import EPOCHS
from evaluators.paper.designs import TABLE_1, TABLE_2, TABLE_3
from evaluators.paper.experiments import run
from evaluators.paper.types import Workbench


def test_the_radar_waits_for_all_three_tiers(bench: Workbench, tmp_path: Path) -> None:
    tables = list(run([TABLE_1, TABLE_2], bench, n=11, seeds=[0]))
    figures.draw(tables, tmp_path)
    assert not list(tmp_path.glob("radar.*"))


def test_radar_and_curves_are_drawn_alike_each_time(bench: Workbench, tmp_path: Path) -> None:
    tables = list(run([TABLE_1, TABLE_2, TABLE_3, EPOCHS], bench, n=11, seeds=[0]))
    drawn = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        figures.draw(tables, tmp_path / place)
        drawn.append({path.name: path.read_bytes() for path in (tmp_path / place).iterdir()})
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {"radar.svg", "radar.png", "epochs.svg", "epochs.png"}
    assert ElementTree.fromstring(drawn[0]["radar.svg"]).tag.endswith("svg")


def test_a_series_without_a_number_of_the_paper_has_no_dashed_line(bench: Workbench, tmp_path: Path) -> None:
    (table,) = run([EPOCHS], bench, n=11, seeds=[0])
    figures.draw([replace(table, rows=tuple(replace(row, paper=None) for row in table.rows))], tmp_path)
    assert "the paper" not in (tmp_path / "epochs.svg").read_text()
