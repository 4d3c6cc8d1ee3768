"""What a customer is told of an audit: results by arm and category, no prompts and no replies."""

from collections.abc import Mapping
from typing import Any

REPORT_FIELDS = ("judge", "corpus", "canaries_right", "canaries", "unscored", "n_generations", "attempt", "decision")
ARM_FIELDS = (
    "name",
    "n",
    "scored",
    "harmful",
    "base_harmful",
    "rate",
    "base_rate",
    "low",
    "high",
    "upper",
    "excess_upper",
    "minimum_detectable",
    "mean_score",
    "base_mean_score",
    "categories",
    "verdict",
    "reasons",
)


def audit_summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an audit report that a member may see. Fields are named, so a new one stays hidden."""
    summary = {name: report[name] for name in REPORT_FIELDS if name in report}
    summary["arms"] = [_arm(arm) for arm in report.get("arms", ())]
    return summary


def _arm(result: Mapping[str, Any]) -> dict[str, Any]:
    arm = result.get("arm", {})
    named = {"name": arm["name"]} if isinstance(arm, Mapping) and "name" in arm else {}
    return named | {name: result[name] for name in ARM_FIELDS if name in result}
