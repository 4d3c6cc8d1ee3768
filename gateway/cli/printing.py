"""How commands print: tables for people, one JSON value for programs, complaints on standard error."""

import json
import time
from collections.abc import Mapping, Sequence

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

AsJson = typer.Option(False, "--json", help="Print one JSON value and nothing else.")


def print_json(value: object) -> None:
    """One JSON value on standard output."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output."""
    table = Table(title=title, title_justify="left", highlight=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    Console().print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Names and values, one a line."""
    width = max((16, *map(len, fields))) + 2
    for name, value in fields.items():
        typer.echo(f"{name:<{width}}{'' if value is None else value}")


def complain(message: str) -> None:
    """A complaint on standard error."""
    typer.echo(f"tunegate: {message}", err=True)


def quoted(text: str) -> str:
    """What a stranger wrote, for a terminal: a margin before each line, and nothing that hides it."""
    lines = (
        "".join(c if c.isprintable() or c == "\t" else f"\\u{ord(c):04x}" for c in line) for line in text.split("\n")
    )
    return "\n".join(f"| {line}" for line in lines)


def moment(unix_s: int | None) -> str | None:
    """A unix time for people, in UTC."""
    return None if unix_s is None else time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(unix_s))
