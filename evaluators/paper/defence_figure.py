"""The table of the defences as a picture: harm in red on the left, benign work in green on the right."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evaluators.paper.defence_matrix import BENIGN_MARGIN, Matrix, arrange, heading
from evaluators.paper.defences import Counted
from evaluators.paper.types import Row
from evaluators.report.drawing import CANDIDATE_COLOUR

SERVED_COLOUR = "#15803d"
BROKEN_COLOUR = "#94a3b8"


def matrix_figure(rows: Sequence[Row]) -> Figure:
    """Defences down, attacks across: the rate, its interval, and below what is published.

    The darker a field, the higher its rate; harm of a model that does much less benign work than before is grey.
    """
    matrix = arrange(rows)
    harmful = matrix.columns(Counted.HARMFUL)
    benign = matrix.columns(Counted.SERVED, Counted.LEARNT)
    size = (2.8 + 1.25 * (len(harmful) + len(benign)), 1.4 + 0.58 * len(matrix.lines))
    figure = Figure(figsize=size, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(len(harmful), len(benign)))
    _panel(left, matrix, harmful, "Harmful replies")
    _panel(right, matrix, benign, "Benign requests done")
    left.set_yticks([y + 0.5 for y in range(len(matrix.lines))], matrix.lines, fontsize=9.5)
    right.set_yticks([])
    less = f"{100 * BENIGN_MARGIN:.0f} points less benign work"
    figure.supxlabel(f"grey: over {less} than the undefended model; small: 95 % interval", fontsize=8.5)
    return figure


def _panel(axes: Axes, matrix: Matrix, columns: Sequence[tuple[str, Counted]], title: str) -> None:
    axes.set_xlim(0, len(columns))
    axes.set_ylim(len(matrix.lines), 0)
    for y, line in enumerate(matrix.lines):
        for x, (cell, counted) in enumerate(columns):
            row = matrix.row(line, cell, counted)
            if row is not None:
                _field(axes, x, y, row, _colour(counted, broken=matrix.broken(line, cell)))
    names = [heading(*column).replace(", ", ",\n").replace(" explicit", "\nexplicit") for column in columns]
    axes.set_xticks([x + 0.5 for x in range(len(columns))], names, fontsize=9)
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=11, pad=12, loc="left")


def _field(axes: Axes, x: int, y: int, row: Row, colour: str) -> None:
    axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, alpha=0.08 + 0.72 * row.rate, edgecolor="white"))
    axes.text(x + 0.5, y + 0.36, f"{row.rate:.0%}", ha="center", va="center", fontsize=9.5)
    printed = "" if row.paper is None else f", publ. {row.paper.rate:.0%}"
    below = f"{100 * row.low:.0f}-{100 * row.high:.0f}{printed}"
    axes.text(x + 0.5, y + 0.74, below, ha="center", va="center", fontsize=7)


def _colour(counted: Counted, *, broken: bool) -> str:
    if counted is not Counted.HARMFUL:
        return SERVED_COLOUR
    return BROKEN_COLOUR if broken else CANDIDATE_COLOUR
