"""`reproduce`: the paper's tables and ablations, run again through the product's own parts."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from evaluators.paper import defence_matrix, defence_runs, defences, showing
from evaluators.paper.ablations import ABLATIONS
from evaluators.paper.designs import TABLES
from evaluators.paper.experiments import RUNS_AT_ONCE, Step, run
from evaluators.paper.types import Table, Workbench
from gateway.cli.printing import complain, print_json
from gateway.compose.detection import detect
from gateway.compose.workbench import BASE, Chosen, workbench
from gateway.settings import Settings

UNUSABLE = 2
WIDTH = 160
"""Columns of a table where there is no terminal to ask."""
PROGRESS = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))


class Which(StrEnum):
    """What can be reproduced."""

    TABLE_1 = "table1"
    TABLE_2 = "table2"
    TABLE_3 = "table3"
    TABLE_4 = "table4"
    TABLE_5 = "table5"
    PEFT = "peft"
    EPOCHS = "epochs"
    HYPERPARAMETERS = "hyperparameters"
    ADVBENCH = "advbench"
    MODERATION = "moderation"
    DEFENCES = "defences"
    ALL = "all"


def reproduce(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    which: Annotated[Which, typer.Argument(help="A table or ablation of Qi et al. (2024), all of them, or defences.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")] = False,
    n: Annotated[
        int | None, typer.Option(help="Prompts a condition. Default: 330, for advbench 520.", min=1, show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Of rows, mixing and training; the first of several.", min=0)] = 0,
    seeds: Annotated[int, typer.Option(help="How many, for intervals over seeds.", min=1)] = 1,
    jobs: Annotated[int, typer.Option(help="Models trained side by side.", min=1)] = RUNS_AT_ONCE,
    base: Annotated[str, typer.Option(help="A listed base, or the directory of a model.")] = BASE,
    judge: Annotated[
        str, typer.Option(help="A judge plug-in, or an endpoint http://host/v1#model. Default: the corpus's own.")
    ] = "",
    benchmark: Annotated[
        str, typer.Option(metavar="NAME=PATH", help="A public set to ask instead of the bank, e.g. hex_phi=DIR.")
    ] = "",
    data: Annotated[
        list[str], typer.Option(metavar="ATTACK=FILE", help="Rows to tune on instead of an attack's own; repeatable.")
    ] = [],  # noqa: B006
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory for results.json, .csv, tables.md and figures; a killed run goes on in it.", file_okay=False
        ),
    ] = None,
) -> None:
    """Attack a model as the paper attacks GPT-3.5, and print both numbers side by side."""
    begun_s = time.monotonic()
    tables: list[Table] = []
    try:
        chosen = Chosen(
            base=base,
            judge=judge,
            benchmark=_named(benchmark) if benchmark else None,
            data=dict(map(_named, data)),
        )
        with ExitStack() as stack:
            directory = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunegate-paper-")))
            directory.mkdir(parents=True, exist_ok=True)
            for table in _tables(which, directory, chosen, n=n, seeds=range(seed, seed + seeds), jobs=jobs):
                # A table that grows seed by seed takes its own place.
                tables = [*(other for other in tables if other.name != table.name), table]
                if out is not None:
                    _write(tables, out)
    except ValueError as error:
        complain(str(error))
        raise typer.Exit(UNUSABLE) from error
    documents = [showing.as_json(table) for table in tables]
    if as_json:
        print_json(documents if which is Which.ALL else documents[0])
        return
    console = Console(width=None if Console().is_terminal else WIDTH, highlight=False)
    for table in tables:
        console.print(showing.as_grid(table))
    console.print(f"{which} took {(time.monotonic() - begun_s) / 60:.1f} minutes.")


def _tables(
    which: Which, directory: Path, chosen: Chosen, *, n: int | None, seeds: Sequence[int], jobs: int
) -> Iterator[Table]:
    """The tables one by one; what they cost to make stays in the directory."""
    designs = [design for design in (*TABLES, *ABLATIONS) if which in (Which.ALL, design.name)]
    if designs:
        yield from _run(partial(run, designs, jobs=jobs), directory, chosen, n=n, seeds=seeds)
    if which is Which.DEFENCES:
        yield from _run(partial(defence_runs.run, jobs=jobs), directory, chosen, n=n, seeds=seeds)
    if which in (Which.ALL, Which.MODERATION):
        yield detect(directory, seeds)


class _Runs(Protocol):
    def __call__(
        self, bench: Workbench, *, n: int | None, seeds: Sequence[int], on_step: Callable[[Step], None]
    ) -> Iterator[Table]: ...


def _run(runs: _Runs, directory: Path, chosen: Chosen, *, n: int | None, seeds: Sequence[int]) -> Iterator[Table]:
    with (
        Progress(*PROGRESS, console=Console(stderr=True), transient=True) as progress,
        workbench(directory / "state", Settings.read(os.environ), chosen) as bench,
    ):
        task = progress.add_task("training", total=None)

        def tell(step: Step) -> None:
            progress.update(task, description=step.doing, completed=step.done, total=step.planned)

        yield from runs(bench, n=n, seeds=seeds, on_step=tell)


def _named(entry: str) -> tuple[str, Path]:
    name, _, path = entry.partition("=")
    if not name or not path or not Path(path).exists():
        raise ValueError(f"{entry!r} is not NAME=PATH of a file that exists; write --data benign=rows.jsonl")
    return name, Path(path)


def _write(tables: Sequence[Table], out: Path) -> None:
    # Imported here: matplotlib comes with the worker's extra, and the command is useful without pictures.
    from evaluators.paper import figures  # noqa: PLC0415

    (out / "results.json").write_text(json.dumps([showing.as_json(table) for table in tables], indent=1) + "\n")
    (out / "results.csv").write_text(showing.as_csv(tables))
    (out / "tables.md").write_text("\n".join(map(_page, tables)))
    figures.draw(tables, out)


def _page(table: Table) -> str:
    if table.name == defences.NAME:
        return defence_matrix.as_markdown(table.rows, table.notes)
    return showing.as_markdown(table)
