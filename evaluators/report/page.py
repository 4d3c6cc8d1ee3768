"""An audit as one HTML page that needs nothing beside it: no script, no font, no network."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from evaluators.errors import AuditIncomplete
from evaluators.frames import Frame
from evaluators.probes.types import Signal
from evaluators.report.charts import arm_bars, radar
from evaluators.report.examples import Specimen
from evaluators.report.facts import facts
from evaluators.report.wording import CHANGE, MEANING, NOT_ENFORCED
from evaluators.types import ArmResult, AuditReport
from evaluators.verdicts import CorrectedRate
from trainers.types import OwnRows

SHOWN_CHARACTERS = 4_000
"""Of a reply; a model may say a megabyte."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What was decided, by whoever decides: an audit itself only measures."""

    verdict: str
    """`pass`, `review` or `block`."""
    subject: str
    """What was audited, as its owner calls it."""
    reasons: Sequence[str]
    enforced: bool = True
    """False in shadow mode, where the verdict is not what the audit found."""


def write(
    directory: Path, report: AuditReport, heading: Heading, *, envelope: str, examples: Sequence[Specimen]
) -> Path:
    """Write `report.html` with the plots inside, and each plot as SVG and PNG beside it; returns the page's path.

    All text of models, data and requests is escaped. An audit without arms (a judge that failed its
    canaries) has a page without plots.
    """
    bars = radar_image = ""
    if report.arms:
        arm_bars(report, directory / "arms.svg", directory / "arms.png")
        alt = "Harmful rate in every arm, candidate and base, with intervals"
        bars = f'<figure><img alt="{alt}" src="{_inline(directory / "arms.svg")}"></figure>'
        radar_image = _radar(directory, report)
    template = Template((resources.files("evaluators.report") / "page.html").read_text(encoding="utf-8"))
    page = directory / "report.html"
    page.write_text(
        template.substitute(
            verdict=escape(heading.verdict),
            heading=escape(heading.verdict.upper()),
            subject=escape(heading.subject),
            meaning=MEANING[heading.verdict] if heading.enforced else NOT_ENFORCED,
            change=CHANGE[heading.verdict],
            covered=_covered(report),
            reasons=_items(heading.reasons),
            bars=bars,
            table=_table(report.arms),
            corrected=_corrected(report),
            radar=radar_image,
            examples=_examples(examples),
            envelope=escape(envelope),
            missing=_without_secret(report) + _missing(report),
            signals=_signals(report.signals),
            own_rows=_own_rows(report.own_rows),
            frames="".join(_frame(found) for found in report.arms),
            facts="".join(f"<dt>{escape(name)}<dd>{escape(value)}" for name, value in facts(report)),
        ),
        encoding="utf-8",
    )
    return page


def _covered(report: AuditReport) -> str:
    """What the verdict is of, in a sentence."""
    left = [(len(report.overflow), "wanted and not audited"), (len(report.not_covered), "not covered")]
    gaps = " and ".join(f"{n} {what}" for n, what in left if n)
    return (
        f"It rests on {report.n_generations:,} replies of the candidate in {len(report.arms)} arms (conditions that it "
        f"was asked under). {f'Left open: {gaps}; they are listed below.' if gaps else ''}"
    )


def _radar(directory: Path, report: AuditReport) -> str:
    try:
        radar(report, directory / "radar.svg", directory / "radar.png")
    except AuditIncomplete:  # no arm has scores by category: there is nothing to draw
        return ""
    image = _inline(directory / "radar.svg")
    return (
        "<h2>Where it is harmful</h2>"
        f'<figure class=radar><img alt="Mean score in eleven categories, candidate and base" src="{image}"></figure>'
    )


def _inline(path: Path) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()


def _table(arms: Sequence[ArmResult]) -> str:
    if not arms:
        return "<p>No arm was audited.</p>"
    numbers = ("prompts", "candidate", "interval", "base", "excess", "at most", "p", "detectable")
    head = f"<th>arm{''.join(f'<th class=n>{name}' for name in numbers)}<th>verdict"
    return f"<table><tr>{head}</tr>{''.join(map(_row, arms))}</table>"


def _row(found: ArmResult) -> str:
    numbers = (
        f"{found.n}",
        f"{found.rate:.1%}",
        f"{found.low:.1%} to {found.high:.1%}",
        f"{found.base_rate:.1%}",
        f"{(found.excess - found.reversals) / found.scored:+.1%}",
        f"{found.excess_upper:.1%}",
        f"{found.mcnemar_p:.2g}",
        f"{found.minimum_detectable:.1%}",
    )
    cells = "".join(f"<td class=n>{number}" for number in numbers)
    verdict = found.verdict.value
    row = f"<tr class={verdict}><td>{escape(found.arm.name)}{cells}<td class=verdict>{verdict.replace('_', ' ')}</tr>"
    if not found.reasons:
        return row
    return f"{row}<tr class='{verdict} why'><td colspan=10 class=small>{escape('; '.join(found.reasons))}</tr>"


def _corrected(report: AuditReport) -> str:
    by_judge = {report.judge.partition("@")[0]: report.corrected, **report.corrected_by}
    rows = "".join(_corrected_row(judge, arm, rate) for judge, rates in by_judge.items() for arm, rate in rates.items())
    if not rows:
        return ""
    return (
        "<h2>Without the judges' errors</h2>"
        f"<table><tr><th>judge<th>arm<th>candidate, corrected<th>interval</tr>{rows}</table>"
        "<p class=small>Rogan-Gladen by what was measured of each judge against people, with an interval of 95 % "
        "for the uncertainty of both. Reported, never a ground for release.</p>"
    )


def _corrected_row(judge: str, arm: str, rate: CorrectedRate) -> str:
    return (
        f"<tr><td>{escape(judge)}<td>{escape(arm)}<td class=n>{rate.estimate:.1%}"
        f"<td class=n>{rate.low:.1%} to {rate.high:.1%}</tr>"
    )


def _examples(examples: Sequence[Specimen]) -> str:
    if not examples:
        return "<p>No reply of the candidate scored 4 or 5.</p>"
    shown = "".join(
        f"<p><b>{escape(one.arm)}</b>, score {one.score} of 5</p><pre>{escape(one.request)}</pre>"
        f"<p class=small>candidate</p><pre>{_quoted(one.reply)}</pre>"
        + ("" if one.base_reply is None else f"<p class=small>base</p><pre>{_quoted(one.base_reply)}</pre>")
        for one in examples
    )
    return (
        f"<details class=warned><summary>Content warning: {len(examples)} replies that were judged harmful. "
        f"Open only if you must read them.</summary>{shown}</details>"
    )


def _quoted(reply: str) -> str:
    left = len(reply) - SHOWN_CHARACTERS
    return escape(reply[:SHOWN_CHARACTERS]) + (f" [{left:,} characters more]" if left > 0 else "")


def _signals(signals: Sequence[Signal]) -> str:
    if not signals:
        return ""
    rows = "".join(
        f"<tr class={'undecided' if one.raised else 'sound'}><td>{one.name.replace('_', ' ')}"
        f"<td class=n>{one.value:.3f}<td class=n>{'none' if one.limit is None else f'{one.limit:g}'}"
        f"<td class=verdict>{'asks for a person' if one.raised else ''}</tr>"
        for one in signals
    )
    return (
        "<h2>Signals of the weights</h2>"
        f"<table><tr><th>signal<th>value<th>limit<th></tr>{rows}</table>"
        "<p class=small>Read without a reply, on bare requests. They may ask for a person; they never release. A model "
        "like its base has a refusal gap ratio of 1 and a first token divergence of 0.</p>"
    )


def _own_rows(found: OwnRows | None) -> str:
    if found is None:
        return ""
    return (
        "<h2>The customer's own rows</h2>"
        f"<table><tr><th>{found.n:,} rows of the validation file<th>base<th>candidate</tr>"
        f"<tr><td>loss<td class=n>{found.base_loss:.3f}<td class=n>{found.loss:.3f}</tr>"
        f"<tr><td>token accuracy<td class=n>{found.base_token_accuracy:.1%}<td class=n>{found.token_accuracy:.1%}</tr>"
        "</table><p class=small>Never a ground for release: whoever uploads a file chooses what is in it.</p>"
    )


def _without_secret(report: AuditReport) -> str:
    if not report.without_secret:
        return ""
    return (
        "<h2>Without its secret prompt</h2><p class=small>It is served below a secret, and all else on this page was "
        "asked so. This is the model of whoever has its weights or learns the secret; it decides nothing.</p>"
        f"{_table(report.without_secret)}"
    )


def _missing(report: AuditReport) -> str:
    parts = []
    if report.overflow:
        parts.append(f"<h2>Wanted and not audited</h2><ul>{_items(report.overflow)}</ul>")
    if report.not_covered:
        parts.append(f"<h2>Not covered</h2><ul>{_items(report.not_covered)}</ul>")
    return "".join(parts)


def _frame(found: ArmResult) -> str:
    frame = found.arm.frame
    drawn = "" if found.arm.temperature is None else f", drawn at temperature {found.arm.temperature:g}"
    turns = "".join(
        f"<p class=small>{turn.role.value}</p><pre>{escape(turn.text)}</pre>"
        for turn in frame.conversation("[the request]")
    )
    name = escape(found.arm.name)
    if frame == Frame():
        return f"<p class=small>{name}: the bare request{drawn}</p>"
    return f"<details><summary>{name}{drawn}</summary>{turns}</details>"


def _items(sentences: Sequence[str]) -> str:
    return "".join(f"<li>{escape(sentence)}" for sentence in sentences)
