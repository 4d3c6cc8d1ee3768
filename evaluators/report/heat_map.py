"""The evasion experiment as a picture: a row for each data set, a column for each check."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evaluators.evasion.types import Check, Experiment, Kind, Outcome
from evaluators.report.drawing import save
from moderation.types import Verdict

_TITLES = {
    Kind.ATTACK: "Attacks",
    Kind.RISK: "Harmless to read, risky to train on",
    Kind.BENIGN: "Ordinary data sets: here a hit is a false positive",
}
# An attack that is seen is good news and a customer who is caught is not, so they differ in colour.
_COLOURS = {Kind.ATTACK: "#2b6cb0", Kind.RISK: "#b7791f", Kind.BENIGN: "#c53030"}
_VERDICTS = {Verdict.BLOCK: "#9b2c2c", Verdict.REVIEW: "#b7791f", Verdict.PASS: "#718096"}
_ROW_INCHES, _COLUMN_INCHES, _LABEL_INCHES = 0.235, 0.98, 2.5
_EMPTY = "#f7fafc"


def heat_map(experiment: Experiment, path_svg: Path, path_png: Path) -> None:
    """Draw the share of rows flagged (classifiers) and the highest score (detectors) of every data set.

    A framed cell is a check that would fire. Writes an SVG and a PNG; the same experiment gives the same
    bytes. Raises `ValueError` when nothing was screened.
    """
    groups = {kind: [one for one in experiment.outcomes if one.kind is kind] for kind in Kind}
    groups = {kind: found for kind, found in groups.items() if found}
    if not groups:
        raise ValueError("no data set was screened; there is nothing to draw")
    n_rows = sum(map(len, groups.values()))
    width = _LABEL_INCHES + _COLUMN_INCHES * (len(experiment.checks) + 1)
    figure = Figure(figsize=(max(width, 7.0), _ROW_INCHES * n_rows + 0.5 * len(groups) + 1.5), layout="constrained")
    rooms = figure.subplots(len(groups), 1, squeeze=False, height_ratios=[len(found) for found in groups.values()])
    for room, (kind, found) in zip(rooms[:, 0], groups.items(), strict=True):
        _panel(room, kind, found, experiment.checks)
    _headings(rooms[0, 0], experiment.checks)
    figure.suptitle(
        f"What screening sees, policy “{experiment.policy}”, {experiment.n_rows} rows a suite\n"
        "classifiers: % of rows flagged; detectors: highest score; framed: the check fires\n"
        "† a family held out from development    ° a file of yours",
        fontsize=10.5,
    )
    save(figure, path_svg, path_png)


def _panel(axes: Axes, kind: Kind, found: Sequence[Outcome], checks: Sequence[Check]) -> None:
    scores = [[outcome.sightings[check.name].score for check in checks] for outcome in found]
    colours = LinearSegmentedColormap.from_list(kind.value, [_EMPTY, _COLOURS[kind]])
    axes.imshow(
        scores, cmap=colours, vmin=0, vmax=1, aspect="auto", extent=(-0.5, len(checks) - 0.5, len(found) - 0.5, -0.5)
    )
    for row, outcome in enumerate(found):
        for column, check in enumerate(checks):
            _cell(axes, row, column, outcome, check)
        verdict = outcome.verdict
        axes.text(
            len(checks) - 0.4,
            row,
            verdict.value,
            va="center",
            fontsize=8.5,
            color=_VERDICTS[verdict],
            fontweight="bold",
        )
    names = [outcome.name + (" †" if outcome.held_out else "") + (" °" if outcome.theirs else "") for outcome in found]
    axes.set_yticks(range(len(found)), names, fontsize=8.5)
    axes.set_xticks([])
    axes.set_xlim(-0.5, len(checks) + 0.4)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xticks([edge - 0.5 for edge in range(len(checks) + 1)], minor=True)
    axes.set_yticks([edge - 0.5 for edge in range(len(found) + 1)], minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    axes.set_title(_TITLES[kind], loc="left", fontsize=9.5, fontweight="bold", color=_COLOURS[kind])


def _cell(axes: Axes, row: int, column: int, outcome: Outcome, check: Check) -> None:
    seen = outcome.sightings[check.name]
    if seen.caught:
        axes.add_patch(
            Rectangle((column - 0.46, row - 0.42), 0.92, 0.84, fill=False, edgecolor="#1a202c", linewidth=1.1)
        )
    if seen.score or check.reads_rows:
        label = f"{seen.score:.0%}" if check.reads_rows else f"{seen.score:.2f}"
        axes.text(
            column, row, label, ha="center", va="center", fontsize=8, color="white" if seen.score > 0.55 else "#2d3748"
        )


def _headings(axes: Axes, checks: Sequence[Check]) -> None:
    names = [f"{check.name}\n({'rows' if check.reads_rows else 'set'}, {check.action.value})" for check in checks]
    axes.set_xticks([*range(len(checks)), len(checks) - 0.15], [*names, "verdict"], fontsize=8.5)
    axes.xaxis.tick_top()
