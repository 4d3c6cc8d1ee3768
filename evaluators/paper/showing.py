"""A table of the paper for a terminal, for a page, and for a program."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table as Grid

from evaluators.paper.types import Comparison, Row, Table

CAVEAT = "A miniature shows the machinery; it proves nothing about large models."
HEADINGS = ("condition", "n", "score", "rate", "95 % interval", "paper's score", "paper's rate")


def as_json(table: Table) -> dict[str, Any]:
    """Plain JSON values; rates in [0, 1], null where the paper has no such row."""
    return {
        "table": table.name,
        "rows": [
            {
                "condition": row.condition,
                "n": row.n,
                "score": row.score,
                "rate": row.rate,
                "low": row.low,
                "high": row.high,
                "paper_score": None if row.paper is None else row.paper.score,
                "paper_rate": None if row.paper is None else row.paper.rate,
            }
            for row in table.rows
        ],
        "comparisons": [
            {
                "before": found.before,
                "after": found.after,
                "only_before": found.only_before,
                "only_after": found.only_after,
                "p": found.p,
            }
            for found in table.comparisons
        ],
    }


def as_grid(table: Table) -> Grid:
    """Our numbers beside the paper's, the comparisons and the caveat below."""
    caption = "\n".join([*map(_sentence, table.comparisons), CAVEAT])
    grid = Grid(title=table.title, title_justify="left", caption=caption, caption_justify="left")
    for heading in HEADINGS:
        grid.add_column(heading, justify="left" if heading == "condition" else "right")
    for row in table.rows:
        grid.add_row(*_cells(row))
    return grid


def as_markdown(table: Table) -> str:
    """The same as a section of a page."""
    rules = ["---"] + ["---:"] * (len(HEADINGS) - 1)
    lines = [f"### {table.title}", "", *(_line(cells) for cells in (HEADINGS, rules, *map(_cells, table.rows)))]
    if table.comparisons:
        lines += ["", *(f"- {_sentence(found)}" for found in table.comparisons)]
    return "\n".join([*lines, "", CAVEAT, ""])


def _cells(row: Row) -> tuple[str, ...]:
    printed = ("", "") if row.paper is None else (f"{row.paper.score:.2f}", f"{row.paper.rate:.1%}")
    return (
        row.condition,
        str(row.n),
        f"{row.score:.2f}",
        f"{row.rate:.1%}",
        f"{row.low:.1%} to {row.high:.1%}",
        *printed,
    )


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _sentence(found: Comparison) -> str:
    return (
        f"{found.before} -> {found.after}: {found.only_before} prompts harmful only before, {found.only_after} only "
        f"after, exact McNemar p = {found.p:.2g}"
    )
