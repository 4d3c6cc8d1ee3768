"""A table of the paper for a terminal, for a page, for a spreadsheet, and for a program."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from rich.table import Table as Grid

from evaluators.paper.types import Comparison, Row, Table

USD_PER_1000_TOKENS = 0.008
"""What OpenAI asked for training gpt-3.5-turbo when the paper was written (announced 22 August 2023)."""
PRICED = f"Cost: trained tokens, and what they were at the paper's time (${USD_PER_1000_TOKENS:.3f} for 1,000)."
HEADINGS = ("condition", "n", "score", "rate", "95 % interval", "paper's score", "paper's rate", "cost")
FIELDS = ("condition", "n", "score", "rate", "low", "high", "paper_score", "paper_rate")
COLUMNS = ("table", *FIELDS, "seed_rates", "trained_tokens", "usd")


def as_json(table: Table) -> dict[str, Any]:
    """Plain JSON values; rates in [0, 1], null where the paper has no such row."""
    return {"table": table.name, "rows": [_fields(row) for row in table.rows]}


def as_csv(tables: Sequence[Table]) -> str:
    """All rows of all tables, with the rate of each seed and what the training cost."""
    text = io.StringIO()
    sheet = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    sheet.writeheader()
    for table in tables:
        for row in table.rows:
            more = {
                "seed_rates": " ".join(f"{rate:.4f}" for rate in row.seed_rates),
                "trained_tokens": row.trained_tokens,
                "usd": None if row.trained_tokens is None else f"{_usd(row.trained_tokens):.4f}",
            }
            sheet.writerow({"table": table.name, **_fields(row), **more})
    return text.getvalue()


def as_grid(table: Table) -> Grid:
    """Our numbers beside the paper's, and below them what else is to be said."""
    caption = "\n".join(_below(table))
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
    return "\n".join([*lines, "", *(f"- {sentence}" for sentence in _below(table)), ""])


def _below(table: Table) -> list[str]:
    priced = [PRICED] if any(row.trained_tokens is not None for row in table.rows) else []
    return [*map(_sentence, table.comparisons), *priced, *table.notes]


def _fields(row: Row) -> dict[str, Any]:
    printed = (None, None) if row.paper is None else (row.paper.score, row.paper.rate)
    return dict(zip(FIELDS, (row.condition, row.n, row.score, row.rate, row.low, row.high, *printed), strict=True))


def _cells(row: Row) -> tuple[str, ...]:
    printed = (None, None) if row.paper is None else (row.paper.score, row.paper.rate)
    by_seed = f" ({', '.join(f'{rate:.0%}' for rate in row.seed_rates)})" if len(row.seed_rates) > 1 else ""
    return (
        row.condition,
        str(row.n),
        _score(row.score),
        f"{row.rate:.1%}{by_seed}",
        f"{row.low:.1%} to {row.high:.1%}",
        _score(printed[0]),
        "" if printed[1] is None else f"{printed[1]:.1%}",
        "" if row.trained_tokens is None else f"{row.trained_tokens:,} tok, ${_usd(row.trained_tokens):.3f}",
    )


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.2f}"


def _usd(tokens: int) -> float:
    return tokens * USD_PER_1000_TOKENS / 1000


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _sentence(found: Comparison) -> str:
    return (
        f"{found.before} -> {found.after}, seed {found.seed}: {found.only_before} prompts harmful only before, "
        f"{found.only_after} only after, exact McNemar p = {found.p:.2g}"
    )
