"""`reproduce`: the paper's tables, run again on the miniature through the product's own parts."""

import json
import tempfile
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evaluators.paper import showing
from evaluators.paper.designs import DESIGNS
from evaluators.paper.experiments import Step, run
from evaluators.paper.types import Design, Table
from gateway.cli.printing import complain, print_json
from gateway.compose.workbench import workbench

UNUSABLE = 2
WIDTH = 140
"""Columns of a table where there is no terminal to ask."""
PROGRESS = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))


class Which(StrEnum):
    """What can be reproduced."""

    TABLE_1 = "table1"
    TABLE_2 = "table2"
    TABLE_3 = "table3"
    TABLE_4 = "table4"
    TABLE_5 = "table5"
    ALL = "all"


def reproduce(
    which: Annotated[Which, typer.Argument(help="A table of Qi et al. (2024), or all of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
    n: Annotated[int, typer.Option(help="Prompts a condition, 30 a category at 330.", min=1)] = 330,
    seed: Annotated[int, typer.Option(help="Of rows, mixing and training.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Directory for results.json and tables.md.", file_okay=False)] = None,
) -> None:
    """Attack the miniature as the paper attacks GPT-3.5, and print both numbers side by side."""
    designs = [design for design in DESIGNS if which in (Which.ALL, design.name)]
    console = Console(width=None if Console().is_terminal else WIDTH, highlight=False)
    try:
        tables = _run(designs, n=n, seed=seed)
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(UNUSABLE) from error
    documents = [showing.as_json(table) for table in tables]
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "results.json").write_text(json.dumps(documents, indent=1) + "\n")
        (out / "tables.md").write_text("\n".join(map(showing.as_markdown, tables)))
    if as_json:
        print_json(documents if which is Which.ALL else documents[0])
        return
    for table in tables:
        console.print(showing.as_grid(table))


def _run(designs: Sequence[Design], *, n: int, seed: int) -> list[Table]:
    """The tables; everything that was trained for them is deleted."""
    with (
        tempfile.TemporaryDirectory(prefix="tunegate-paper-") as directory,
        Progress(*PROGRESS, console=Console(stderr=True), transient=True) as progress,
        workbench(Path(directory)) as bench,
    ):
        task = progress.add_task("training", total=None)

        def tell(step: Step) -> None:
            progress.update(task, description=step.doing, completed=step.done, total=step.planned)

        return list(run(designs, bench, n=n, seed=seed, on_step=tell))
