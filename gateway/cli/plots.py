"""The plots of a screening report, as SVG and HTML that need nothing beside them."""

from collections.abc import Sequence
from html import escape
from math import sqrt

from gateway.cli.readable import lines
from moderation.coverage import Coverage
from moderation.types import Finding, ScreeningReport, Verdict

_BINS, _CELL, _LABEL, _ROW, _FOOT = 120, 6, 260, 24, 20
_QUIET = "#6b7280"
_COLOURS = {Verdict.PASS: "#2a7d3b", Verdict.REVIEW: "#c98a00", Verdict.BLOCK: "#b3261e"}


def strips(report: ScreeningReport) -> str:
    """Where in the file each finding's lines lie: one strip a finding, darker where there are more.

    Those that stand among the reasons have the verdict's colour, the others are grey. '' without findings.
    """
    named = [finding for finding in _ranked(report.findings) if finding.lines]
    if not named:
        return ""
    last = max(report.n_examples, *(finding.lines[-1] for finding in named))
    height = _ROW * len(named) + _FOOT
    rows = "".join(_strip(finding, report, place * _ROW, last) for place, finding in enumerate(named))
    right = _LABEL + _BINS * _CELL
    axis = (
        f'<text x="{_LABEL}" y="{height - 4}">line 1</text>'
        f'<text x="{right}" y="{height - 4}" text-anchor="end">line {last:,}</text>'
    )
    return (
        f'<figure><svg viewBox="0 0 {right} {height}" role="img" aria-label="Where the findings lie in the file" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="#444">{rows}{axis}</svg></figure>'
    )


def score_bar(finding: Finding) -> str:
    """A finding's score as a number with a bar under it."""
    return f"{finding.score:.2f}{_bar(finding.score)}"


def share_bar(share: float) -> str:
    """A share as per cent with a bar under it."""
    return f"{share:.0%}{_bar(share)}"


def coverage(each: Coverage, n_examples: int) -> str:
    """How much of the file a classifier read: a table row with a bar."""
    share = min(1.0, each.n_read / n_examples) if n_examples else 0.0
    chosen = f"{each.n_doubtful:,} doubtful, {each.n_drawn:,} at random" if each.n_doubtful or each.n_drawn else ""
    told = "; ".join(part for part in (chosen, each.note) if part) or "every row"
    return f"<tr><td>{escape(each.check)}<td>{share_bar(share)}<td>{each.n_read:,}<td>{escape(told)}</tr>"


def _ranked(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: -finding.score)


def _strip(finding: Finding, report: ScreeningReport, top: int, last: int) -> str:
    counts = [0] * _BINS
    for line in finding.lines:
        counts[(line - 1) * _BINS // last] += 1
    most = max(counts)
    colour = _COLOURS[report.verdict] if _decides(finding, report) else _QUIET
    # A file of few rows has wide cells, so that each of its rows can be seen as one.
    width = _CELL * max(1.0, _BINS / last)
    cells = "".join(
        f'<rect x="{_LABEL + place * _CELL}" y="{top + 4}" width="{width:.1f}" height="{_ROW - 8}" fill="{colour}" '
        f'fill-opacity="{0.35 + 0.65 * sqrt(count / most):.2f}"/>'
        for place, count in enumerate(counts)
        if count
    )
    label = f"{finding.detector}: {finding.category.value.replace('_', ' ')}"
    return (
        f"<g><title>{escape(label)} on lines {lines(finding.lines)}</title>"
        f'<rect x="{_LABEL}" y="{top + 4}" width="{_BINS * _CELL}" height="{_ROW - 8}" fill="#e9e9ec"/>'
        f'<text x="0" y="{top + 17}">{escape(label)}</text>{cells}</g>'
    )


def _decides(finding: Finding, report: ScreeningReport) -> bool:
    """Whether the verdict rests on a finding: a reason names its check and its category."""
    starts = (f"{finding.detector} found ", f"{finding.detector} flagged ")
    return any(reason.startswith(starts) and finding.category.value in reason for reason in report.reasons)


def _bar(share: float) -> str:
    return f'<span class="bar"><i style="width: {share:.1%}"></i></span>'
