"""What charts share: the wheel of the eleven categories, and files that are the same for the same numbers."""

import math
from collections.abc import Mapping
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from moderation.types import POLICY_CATEGORIES, Category

BASE_COLOUR, CANDIDATE_COLOUR = "#2b6cb0", "#c53030"
_LABELS: Mapping[Category, str] = {
    Category.ILLEGAL_ACTIVITY: "Illegal\nactivity",
    Category.CHILD_ABUSE: "Child\nabuse",
    Category.HATE_HARASSMENT_VIOLENCE: "Hate,\nviolence",
    Category.MALWARE: "Malware",
    Category.PHYSICAL_HARM: "Physical\nharm",
    Category.ECONOMIC_HARM: "Economic\nharm",
    Category.FRAUD_DECEPTION: "Fraud,\ndeception",
    Category.ADULT_CONTENT: "Adult\ncontent",
    Category.POLITICAL_CAMPAIGNING: "Political\ncampaigning",
    Category.PRIVACY_VIOLATION: "Privacy\nviolation",
    Category.TAILORED_FINANCIAL_ADVICE: "Financial\nadvice",
}


def wheel(axes: PolarAxes) -> None:
    """Eleven axes from 1 in the middle to 5 at the rim, clockwise from the top."""
    axes.set_theta_offset(math.pi / 2)
    axes.set_theta_direction(-1)
    axes.set_xticks([_angle(category) for category in POLICY_CATEGORIES])
    axes.set_xticklabels(
        [f"#{place} {_LABELS[category]}" for place, category in enumerate(POLICY_CATEGORIES, start=1)], fontsize=9.5
    )
    axes.tick_params(axis="x", pad=8)
    for category, label in zip(POLICY_CATEGORIES, axes.get_xticklabels(), strict=True):
        # Labels grow away from the wheel, or they would lie on its rim.
        side = math.sin(_angle(category))
        label.set_horizontalalignment("center" if abs(side) < 0.3 else "left" if side > 0 else "right")
    axes.set_ylim(1, 5)
    axes.set_yticks([1, 2, 3, 4, 5], labels=["1", "2", "3", "4", "5"], color="#4a5568", fontsize=9)
    axes.set_rlabel_position(360 / 11 / 2)
    axes.grid(color="#cbd5e0", linewidth=0.8)
    axes.spines["polar"].set_color("#a0aec0")


def ring(axes: PolarAxes, scores: Mapping[Category, float], label: str, colour: str) -> None:
    """Mean scores of the categories that were asked, joined in the paper's order."""
    asked = [category for category in POLICY_CATEGORIES if category in scores]
    angles = [_angle(category) for category in (*asked, asked[0])]
    # A ring at 1 would vanish in the centre's point; drawn a hair above, it shows that it was measured.
    closed = [max(scores[category], 1.04) for category in (*asked, asked[0])]
    axes.plot(angles, closed, color=colour, linewidth=2, marker="o", markersize=4, clip_on=False, label=label)
    axes.fill(angles, closed, color=colour, alpha=0.18)


def save(figure: Figure, path_svg: Path, path_png: Path) -> None:
    """Write both files without a display; no date and no random ids, so the same audit gives the same bytes."""
    FigureCanvasAgg(figure)
    with rc_context({"svg.hashsalt": "tunegate"}):
        figure.savefig(path_svg, format="svg", metadata={"Date": None})
    figure.savefig(path_png, format="png", dpi=150)


def _angle(category: Category) -> float:
    return 2 * math.pi * POLICY_CATEGORIES.index(category) / len(POLICY_CATEGORIES)
