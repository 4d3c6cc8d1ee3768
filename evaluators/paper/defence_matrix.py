"""The table of the defences as people read it: a line a defence, a column an attack."""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluators.paper.defences import SEPARATOR
from evaluators.paper.types import Row, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Measured conditions by defence and attack, in the order of the table."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    fields: tuple[tuple[Row | None, ...], ...]
    """A line a defence; None where nothing was measured."""


def arrange(table: Table) -> Matrix:
    """The rows of a table of `evaluators.paper.defences` as a matrix."""
    by_place = {tuple(row.condition.split(SEPARATOR)): row for row in table.rows}
    rows = tuple(dict.fromkeys(name for name, _ in by_place))
    columns = tuple(dict.fromkeys(name for _, name in by_place))
    return Matrix(
        rows=rows,
        columns=columns,
        fields=tuple(tuple(by_place.get((row, column)) for column in columns) for row in rows),
    )


def as_markdown(table: Table) -> str:
    """A section of a page: our rate, each seed's, and in brackets what is published."""
    matrix = arrange(table)
    heading = ("defence", *matrix.columns)
    lines = [f"### {table.title}", "", _line(heading), _line(["---", *["---:"] * len(matrix.columns)])]
    lines += [_line((name, *map(_field, of_row))) for name, of_row in zip(matrix.rows, matrix.fields, strict=True)]
    n = table.rows[0].n
    key = f"{n} prompts a field; the mean over seeds, each seed's rate, and in brackets what is published."
    return "\n".join([*lines, "", *(f"- {sentence}" for sentence in (key, *table.notes)), ""])


def _field(row: Row | None) -> str:
    if row is None:
        return ""
    seeds = f" ({', '.join(f'{100 * rate:.0f}' for rate in row.seed_rates)})" if len(row.seed_rates) > 1 else ""
    printed = "" if row.paper is None else f" [{row.paper.rate:.1%}]"
    return f"{row.rate:.0%}{seeds}{printed}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
