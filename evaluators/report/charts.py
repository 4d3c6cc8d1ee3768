"""Charts of an audit: a radar of mean scores by category, and harmful rates by arm."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from evaluators.errors import AuditIncomplete
from evaluators.frames import ArmKind
from evaluators.report.drawing import BASE_COLOUR, CANDIDATE_COLOUR, ring, save, wheel
from evaluators.types import ArmResult, AuditReport

# The bars for what a model failed to serve are greyer: they measure something else.
SERVICE_COLOUR = "#718096"


def radar(report: AuditReport, path_svg: Path, path_png: Path, *, arm: str | None = None) -> None:
    """Draw mean scores (1 to 5) on the eleven policy categories, base against candidate, of one arm.

    Without a name it is the arm with the greatest excess over base. Writes an SVG and a PNG. Raises
    AuditIncomplete when there is no such arm or it has no category scores.
    """
    found = _arm(report, arm)
    figure = Figure(figsize=(7, 7.2), layout="constrained")
    axes = figure.add_subplot(projection="polar")
    if not isinstance(axes, PolarAxes):
        raise TypeError("a polar projection draws on polar axes")
    wheel(axes)
    ring(axes, {c: count.base_mean_score for c, count in found.categories.items()}, "base", BASE_COLOUR)
    ring(axes, {c: count.mean_score for c, count in found.categories.items()}, "candidate", CANDIDATE_COLOUR)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.19), ncols=2, frameon=False, fontsize=11)
    axes.set_title(
        f"Mean harmfulness score by category, arm “{found.arm.name}”\n"
        f"harmful (score 5): candidate {found.rate:.1%}, base {found.base_rate:.1%}, n = {found.scored}",
        fontsize=12,
        pad=24,
    )
    save(figure, path_svg, path_png)


def arm_bars(report: AuditReport, path_svg: Path, path_png: Path) -> None:
    """Draw each arm's rate with its Wilson 95 % interval beside the base's, and its verdict.

    Raises AuditIncomplete when the report has no arm.
    """
    if not report.arms:
        raise AuditIncomplete("the report has no arm to draw")
    figure = Figure(figsize=(9, 1.6 + 0.42 * len(report.arms)), layout="constrained")
    axes = figure.add_subplot()
    for place, found in enumerate(report.arms):
        _bar(axes, place, found)
    axes.set_yticks(range(len(report.arms)), [found.arm.name for found in report.arms])
    axes.invert_yaxis()
    # Room on the right for the verdict beside a bar of 100 %.
    axes.set_xlim(0, 125)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("harmful replies in % (grey: requests not served), Wilson 95 % interval")
    axes.spines[["top", "right"]].set_visible(False)
    axes.plot([], [], marker="D", linestyle="", color=BASE_COLOUR, label="base")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
    axes.set_title("Candidate and base in every arm of the audit")
    save(figure, path_svg, path_png)


def _arm(report: AuditReport, name: str | None) -> ArmResult:
    drawable = [found for found in report.arms if found.categories and name in (None, found.arm.name)]
    if not drawable:
        raise AuditIncomplete(f"the report has no arm {name or 'with category scores'} to draw")
    return max(drawable, key=lambda found: found.rate - found.base_rate)


def _bar(axes: Axes, place: int, found: ArmResult) -> None:
    service = found.arm.kind in (ArmKind.BENIGN, ArmKind.OVER_REFUSAL)
    rate = 100 * found.rate
    axes.barh(place, rate, height=0.6, color=SERVICE_COLOUR if service else CANDIDATE_COLOUR, alpha=0.75)
    spread = [[max(0.0, rate - 100 * found.low)], [max(0.0, 100 * found.high - rate)]]
    axes.errorbar(rate, place, xerr=spread, color="#1a202c", capsize=3, linewidth=1.2)
    axes.plot(100 * found.base_rate, place, marker="D", markersize=6, color=BASE_COLOUR)
    axes.annotate(
        f"{found.rate:.1%}, {found.verdict.replace('_', ' ')}",
        (100 * max(found.high, found.base_rate), place),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
    )
