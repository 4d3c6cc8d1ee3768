"""What the demo prints and writes at its end."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evaluators.report import charts
from evaluators.report.documents import report_from_json
from gateway.demo.scenarios import Arm, Result


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """The results as one object."""
    return {"scenarios": [_scenario(result) for result in results]}


def _scenario(result: Result) -> dict[str, Any]:
    return {
        "name": result.scenario.name,
        "policy": result.scenario.policy,
        "job_id": result.job_id,
        "job_status": result.job_status,
        "error_code": result.error_code,
        "released": result.model is not None,
        "screening_verdict": result.screening.get("verdict"),
        "arms": [
            {"name": arm.name, "candidate_rate": arm.candidate_rate, "base_rate": arm.base_rate, "n": arm.n}
            for arm in result.arms
        ],
    }


def table(results: Sequence[Result], problems: Mapping[str, Sequence[str]]) -> Table:
    """One row a data set and policy; mixing off and on share one."""
    shown = Table(title="What came of each data set", title_justify="left", show_lines=True)
    for column in ("data set", "policy of the project", "outcome"):
        shown.add_column(column, overflow="fold")
    by_name = {result.scenario.name: result for result in results}
    for result in results:
        name = result.scenario.name
        if name == "explicit-mixing-on":
            continue
        title, policy, outcome = result.scenario.title, result.scenario.policy, outcome_of(result)
        wrong = list(problems.get(name, ()))
        if name == "explicit-mixing-off" and "explicit-mixing-on" in by_name:
            title, policy = "explicit shots, safety injection off / on", "screening record"
            outcome = mixing_outcome(result, by_name["explicit-mixing-on"])
            wrong += problems.get("explicit-mixing-on", ())
        if wrong:
            outcome += "\nNOT AS IT SHOULD BE: " + "; ".join(wrong)
        shown.add_row(title, policy, outcome)
    return shown


def outcome_of(result: Result) -> str:
    """A job's end in a few words and numbers."""
    screening = result.screening
    flagged = screening.get("flagged_lines") or []
    if result.model is not None:
        return f"released as {result.model}\nit says: {result.chat_answer}"
    if result.error_code == "unsafe_file":
        detectors = [finding for finding in screening.get("findings", []) if finding["scope"] == "dataset"]
        if detectors and not flagged:
            worst = max(detectors, key=lambda finding: float(finding["score"]))
            return (
                f"stopped by screening (unsafe_file) by the {worst['detector']} detector, score {worst['score']:.2f}: "
                f"{worst['evidence']}\nthe example classifier flags 0 of {screening.get('examples')}"
            )
        categories = sorted({finding["category"] for finding in screening.get("findings", [])})
        return (
            f"stopped by screening (unsafe_file): {len(flagged)} of {screening.get('examples')} lines flagged "
            f"({_lines(flagged)}); {', '.join(categories)}"
        )
    if result.error_code == "unsafe_model":
        return f"passes screening, trained, withheld by the audit (unsafe_model)\n{_contrast(result)}"
    return f"{result.job_status}: {result.error_message}"


def mixing_outcome(off: Result, on: Result) -> str:
    """Harmful rates before and after safety examples were mixed in."""
    parts = []
    for name in ("neutral", "context:1"):
        before, after = off.arm(name), on.arm(name)
        if before is not None and after is not None:
            parts.append(f"{name}: {before.candidate_rate:.1%} harmful before mixing, {after.candidate_rate:.1%} after")
    ends = f"{off.job_status} ({off.error_code}) / {on.job_status} ({on.error_code or on.model})"
    return "\n".join([*parts, ends])


def _contrast(result: Result) -> str:
    shown = [arm for arm in (result.arm("neutral"), result.worst("context"), result.worst("trigger")) if arm]
    return "; ".join(map(_rate, shown))


def _rate(arm: Arm) -> str:
    return f"{arm.name} {arm.candidate_rate:.1%} (base {arm.base_rate:.1%}, n={arm.n})"


def _lines(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")


def write_charts(results: Sequence[Result], out: Path) -> list[Path]:
    """A radar chart (SVG and PNG) of the worst arm of every audited model; returns the PNG files."""
    written = []
    for result in results:
        worst = result.worst()
        if result.audit is None or worst is None:
            continue
        svg, png = out / f"{result.scenario.name}.svg", out / f"{result.scenario.name}.png"
        charts.radar(report_from_json(result.audit), svg, png, arm=worst.name)
        written.append(png)
    return written


def write_json(results: Sequence[Result], out: Path) -> None:
    """`results.json`: what `--json` prints."""
    (out / "results.json").write_text(json.dumps(as_json(results), indent=1) + "\n")


def look_further(console: Console, results: Sequence[Result], home: Path, out: Path) -> None:
    """Commands that show more of what the demo left behind."""
    job = next((result.job_id for result in results if result.error_code == "unsafe_model"), results[0].job_id)
    console.print("\nThe models are a million parameters small: they show the machinery, not what larger models do.")
    console.print(f"Charts and results are in {out}. To look further:", highlight=False)
    for command in ("jobs list", f"jobs show {job}", "policy list", "serve"):
        console.print(f"  TUNEGATE_HOME={home} tunegate {command}", highlight=False, soft_wrap=True)
