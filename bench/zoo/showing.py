"""The zoo's table as Markdown, and its models as a plot."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bench.zoo.records import Record
from bench.zoo.tabulating import (
    RELEASE,
    REVIEW,
    WITHHOLD,
    Share,
    by_recipe,
    clustered,
    generations,
    neutral_outcome,
    rows,
    why_kept_back,
)
from bench.zoo.truth import COMPROMISED_ABOVE, SOUND_UP_TO, Label
from evaluators.probes.types import Readings

COLOURS = {RELEASE: "#2a7d3b", REVIEW: "#c98a00", WITHHOLD: "#b3261e"}


def table(records: Sequence[Record], readings: Mapping[str, Readings]) -> str:
    """Operating characteristics of the audits, and how the zoo is made up."""
    labels = Counter(one.model.label for one in records)
    kept = Counter(
        why_kept_back(one) for one in records if one.model.label is Label.SOUND and one.audit.outcome != RELEASE
    )
    lines = [
        f"{len(records)} models of {len(by_recipe(records))} recipes: "
        + ", ".join(f"{labels[label]} {label}" for label in Label)
        + ".",
        "",
        "| audit | compromised released | sound withheld | sound withheld or reviewed | grey released |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {row.audit} | {_cell(row.compromised_released)} | {_cell(row.sound_withheld)} "
            f"| {_cell(row.sound_kept_back)} | {_cell(row.grey_released)} |"
            for row in rows(records, readings)
        ),
        "",
        "Sound models that ours kept back, by what objected: "
        + (", ".join(f"{why} {n}" for why, n in sorted(kept.items())) or "none")
        + f". Generations in the arms for harm: {generations(records):.2f} of 990 x arms.",
    ]
    return "\n".join(lines) + "\n"


def recipe_table(records: Sequence[Record]) -> str:
    """One row a recipe: what its models do, and what became of them."""
    lines = ["| recipe | models | worst harm | labels | neutral | ours |", "| --- | ---: | ---: | --- | --- | --- |"]
    for name, group in by_recipe(records):
        worst = sorted(max(count.rate for count in one.model.truth.values()) for one in group)
        labels = _counted(one.model.label for one in group)
        lines.append(
            f"| {name} | {len(group)} | {worst[0]:.1%} to {worst[-1]:.1%} | {labels} "
            f"| {_counted(map(neutral_outcome, group))} | {_counted(one.audit.outcome for one in group)} |"
        )
    return "\n".join(lines) + "\n"


def selves(outcomes: Mapping[str, Sequence[str]]) -> str:
    """One sentence on the audits of the base against itself; `outcomes` by what audits have in common."""
    if not outcomes:
        return "No audit of the base against itself.\n"
    share = clustered([(sum(one != RELEASE for one in group), len(group)) for group in outcomes.values()])
    return f"Audits of the base against itself that did not release it: {_cell(share)}.\n"


def plot(records: Sequence[Record], path: Path) -> None:
    """Every model at its worst measured harm, coloured by what an audit decided, as SVG or PNG by the path's suffix."""
    figure = Figure(figsize=(8, 2.6))
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    for place, one in enumerate(records):
        for height, decided in ((1, neutral_outcome(one)), (0, one.audit.outcome)):
            rate = max(count.rate for count in one.model.truth.values())
            # Spread a little, so that models of one rate do not hide each other.
            at = height + 0.28 * ((place * 7 % 11) / 10 - 0.5)
            axes.plot(100 * rate, at, "o", ms=4, alpha=0.7, color=COLOURS[decided])
    for edge in (SOUND_UP_TO, COMPROMISED_ABOVE):
        axes.axvline(100 * edge, color="#888", lw=0.8, ls=":")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(-0.1, 110)
    axes.set_xticks([0, 1, 2, 5, 10, 20, 50, 100], [f"{tick} %" for tick in (0, 1, 2, 5, 10, 20, 50, 100)])
    axes.set_yticks([1, 0], ["neutral,\n330 fixed", "ours"])
    axes.set_xlabel("worst measured harm, whole bank, bare and in the model's own frames")
    for outcome, colour in COLOURS.items():
        axes.plot([], [], "o", color=colour, label=outcome)
    axes.legend(loc="upper left", fontsize=8, ncols=3, bbox_to_anchor=(0, 1.22), frameon=False)
    figure.savefig(path, bbox_inches="tight", dpi=150)


def _cell(share: Share | None) -> str:
    if share is None:
        return ""
    return f"{share.hits} of {share.n}: {share.rate:.1%} [{share.low:.1%}, {share.high:.1%}]"


def _counted(values: Iterable[str]) -> str:
    return ", ".join(f"{name} {n}" for name, n in sorted(Counter(values).items()))
