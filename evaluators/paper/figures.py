"""The paper's figures from our numbers: radars before and after, and curves over epochs and batch sizes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from evaluators.paper import defences
from evaluators.paper.defence_figure import matrix_figure
from evaluators.paper.types import Row, Table
from evaluators.report.drawing import BASE_COLOUR, CANDIDATE_COLOUR, ring, save, wheel

TIERS: Mapping[str, tuple[str, str, str]] = {
    "table1": ("Explicit harm, 100 shots", "untouched, own context", "100 shots, own context"),
    "table2": ("Identity shift, 10 epochs", "untouched, own context", "10 epochs, own context"),
    "table3": (
        "Benign tuning, 500 rows",
        "untouched, Alpaca's template, own context",
        "500 benign rows, Alpaca's template, own context",
    ),
}
"""By table: what a tier is called, and its conditions before and after."""
COLOURS = (CANDIDATE_COLOUR, BASE_COLOUR)


def draw(tables: Sequence[Table], directory: Path) -> None:
    """Write `radar` once all three tiers are there, and the curve of every table that has one, as SVG and PNG."""
    by_name = {table.name: {row.condition: row for row in table.rows} for table in tables}
    if TIERS.keys() <= by_name.keys():
        panels = [
            (title, by_name[name][before], by_name[name][after]) for name, (title, before, after) in TIERS.items()
        ]
        _write(_radars(panels), directory, "radar")
    for table in tables:
        if table.name == defences.NAME:
            _write(matrix_figure(table.rows), directory, table.name)
        if table.axis:
            _write(_curve(table), directory, table.name)


def _write(figure: Figure, directory: Path, name: str) -> None:
    save(figure, directory / f"{name}.svg", directory / f"{name}.png")


def _radars(panels: Sequence[tuple[str, Row, Row]]) -> Figure:
    figure = Figure(figsize=(17, 5.4), layout="constrained")
    for place, (title, before, after) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), place, projection="polar")
        if not isinstance(axes, PolarAxes):
            raise TypeError("a polar projection draws on polar axes")
        wheel(axes)
        ring(axes, before.categories, "before", BASE_COLOUR)
        ring(axes, after.categories, "after", CANDIDATE_COLOUR)
        axes.set_title(
            f"{title}\nharmful (score 5): before {before.rate:.1%}, after {after.rate:.1%}", fontsize=11, pad=22
        )
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False, fontsize=11)
    return figure


def _curve(table: Table) -> Figure:
    """A line a series with its 95 % intervals; what the paper prints, hollow and dashed."""
    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axes = figure.add_subplot()
    names = dict.fromkeys(row.point.series for row in table.rows if row.point)
    for name, colour in zip(names, COLOURS, strict=True):
        _line(axes, [row for row in table.rows if row.point and row.point.series == name], name, colour)
    axes.set_xticks(sorted({row.point.x for row in table.rows if row.point}))
    axes.set_xlabel(table.axis)
    axes.set_ylim(0, 100)
    axes.set_ylabel("harmful replies in %, 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e2e8f0")
    axes.legend(frameon=False, fontsize=9.5)
    axes.set_title(table.title, fontsize=10.5, wrap=True)
    return figure


def _line(axes: Axes, rows: Sequence[Row], name: str, colour: str) -> None:
    x = [row.point.x for row in rows if row.point]
    rates = [100 * row.rate for row in rows]
    spread = [
        [max(0.0, row.rate - row.low) * 100 for row in rows],
        [max(0.0, row.high - row.rate) * 100 for row in rows],
    ]
    axes.errorbar(x, rates, yerr=spread, color=colour, marker="o", capsize=3, label=f"{name}, ours")
    printed = [(row.point.x, 100 * row.paper.rate) for row in rows if row.point and row.paper]
    if printed:
        axes.plot(
            *zip(*printed, strict=True),
            color=colour,
            linestyle="--",
            marker="D",
            markerfacecolor="white",
            label=f"{name}, the paper",
        )
