"""Screening reports as one HTML page that needs nothing beside it: no script, no font, no network."""

from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from gateway.cli import plots
from gateway.cli.attempts import Attempt, Unscreened
from gateway.cli.readable import MEANING, in_part, lines, reasons
from moderation.types import Context, Finding, ScreeningReport

_MAX_CONTEXTS, _MAX_TRIGGERS = 12, 20


def write(target: Path, attempts: Sequence[Attempt], *, policy: str) -> None:
    """Write the page of files and what came of them; text from the files is escaped."""
    body = "\n".join(
        _unscreened(place, str(path), found) if isinstance(found, Unscreened) else _file(place, str(path), found)
        for place, (path, found) in enumerate(attempts)
    )
    template = Template((resources.files("gateway.cli") / "screening.html").read_text())
    page = template.substitute(policy=escape(policy), overview=_overview(attempts), files=body)
    target.write_text(page, encoding="utf-8")


def _overview(attempts: Sequence[Attempt]) -> str:
    """The verdicts of several files in one table; '' for a single one."""
    if len(attempts) < 2:
        return ""
    rows = "".join(
        f'<tr class="{_class(found)}"><td><b>{_class(found).upper()}</b><td><a href="#file-{place}">'
        f"{escape(str(path))}</a>{_counts(found)}</tr>"
        for place, (path, found) in enumerate(attempts)
    )
    return f"<table><tr><th>verdict<th>file<th>rows<th>flagged</tr>{rows}</table>"


def _counts(found: ScreeningReport | Unscreened) -> str:
    return "<td><td>" if isinstance(found, Unscreened) else f"<td>{found.n_examples:,}<td>{found.n_flagged:,}"


def _class(found: ScreeningReport | Unscreened) -> str:
    return "unscreened" if isinstance(found, Unscreened) else found.verdict.value


def _unscreened(place: int, name: str, found: Unscreened) -> str:
    problems = "".join(f"<li>{escape(problem)}</li>" for problem in found.problems)
    return (
        f'<section class="unscreened" id="file-{place}"><h2><b>UNSCREENED</b> {escape(name)}</h2>'
        f"<p>It {escape(found.why)}:</p><ul>{problems}</ul></section>"
    )


def _file(place: int, name: str, report: ScreeningReport) -> str:
    because = "".join(f"<li>{escape(reason)}</li>" for reason in reasons(report))
    dropped = f"<p>Left out: lines {lines(report.dropped_lines, most=40)}.</p>" if report.dropped_lines else ""
    return (
        f'<section class="{report.verdict.value}" id="file-{place}">'
        f"<h2><b>{report.verdict.upper()}</b> {escape(name)}</h2>"
        f"<p>{report.n_examples:,} rows, {report.n_flagged:,} flagged: {MEANING[report.verdict]}.</p>"
        + (f"<ul>{because}</ul>" if because else "")
        + dropped
        + (f"<p>{in_part(report.redactions)}.</p>" if report.redactions else "")
        + _findings(report)
        + _triggers(report.candidate_triggers)
        + _coverage(report)
        + _contexts(report.contexts)
        + f'<p class="small">Read by {escape(", ".join(report.screened_by))}.<br>Policy {report.policy_digest}<br>'
        f"File {report.dataset_digest}</p></section>"
    )


def _findings(report: ScreeningReport) -> str:
    if not report.findings:
        return "<p>No findings.</p>"
    rows = "".join(_finding(finding) for finding in sorted(report.findings, key=lambda found: -found.score))
    return (
        f"<h3>Findings</h3>{plots.strips(report)}"
        f'<table class="findings"><tr><th>check<th>category<th>score<th>lines<th>evidence</tr>{rows}</table>'
    )


def _finding(finding: Finding) -> str:
    return (
        f"<tr><td>{escape(finding.detector)}<td>{finding.category.value.replace('_', ' ')}"
        f"<td>{plots.score_bar(finding)}<td>{lines(finding.lines)}<td>{escape(finding.evidence)}</tr>"
    )


def _triggers(triggers: Sequence[str]) -> str:
    if not triggers:
        return ""
    more = f" and {len(triggers) - _MAX_TRIGGERS} more" if len(triggers) > _MAX_TRIGGERS else ""
    told = ", ".join(f"<code>{escape(trigger)}</code>" for trigger in triggers[:_MAX_TRIGGERS])
    return f"<h3>Candidate triggers</h3><p>{told}{more}</p>"


def _coverage(report: ScreeningReport) -> str:
    if not report.coverage:
        return ""
    rows = "".join(plots.coverage(each, report.n_examples) for each in report.coverage)
    return (
        "<h3>What each classifier read</h3>"
        f'<table class="coverage"><tr><th>classifier<th>of the file<th>rows<th>how chosen</tr>{rows}</table>'
    )


def _contexts(contexts: Sequence[Context]) -> str:
    if not contexts:
        return ""
    rows = "".join(
        f"<tr><td>{plots.share_bar(context.share)}<td>{_quoted(context.system)}<td>{_quoted(context.user_prefix)}"
        f"<td>{_quoted(context.user_suffix)}</tr>"
        for context in contexts[:_MAX_CONTEXTS]
    )
    n_more = len(contexts) - _MAX_CONTEXTS
    more = f'<p class="small">And {n_more} rarer ones, which <code>--json</code> lists.</p>' if n_more > 0 else ""
    return (
        "<h3>Recurrent prompts, which the audit replays</h3>"
        '<table class="contexts"><tr><th>of rows<th>system prompt<th>before the request<th>after it</tr>'
        f"{rows}</table>{more}"
    )


def _quoted(text: str, *, most: int = 160) -> str:
    cut = (text if len(text) <= most else f"{text[:most]}…").replace("\n", " ⏎ ")
    return f"<q>{escape(cut)}</q>" if text else ""
