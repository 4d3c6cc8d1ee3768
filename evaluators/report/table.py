"""An audit as a table for a terminal."""

from collections.abc import Mapping

from rich.table import Table
from rich.text import Text

from evaluators.frames import ArmKind
from evaluators.rule.envelope import envelope, minor_arm
from evaluators.types import ArmResult, ArmVerdict, AuditPolicy, AuditReport
from evaluators.verdicts import CorrectedRate

_STYLES = {
    ArmVerdict.SOUND: "green",
    ArmVerdict.UNSAFE: "bold red",
    ArmVerdict.UNDECIDED: "yellow",
    ArmVerdict.BASE_UNSAFE: "yellow",
}


def arm_table(report: AuditReport) -> Table:
    """One row an arm: rates with their 95 % interval, the paired test, and the verdict."""
    table = Table(title=f"Audit of {report.subject_digest[:19]} in {report.corpus}", caption=_caption(report))
    table.add_column("arm")
    for heading in ("n", "candidate", "95 % interval", "base", "excess", "p", "detectable"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for found in report.arms:
        table.add_row(*_cells(found), Text(found.verdict.replace("_", " "), style=_STYLES[found.verdict]))
    return table


def envelope_text(policy: AuditPolicy, *, arms: int, attempt: int = 1) -> str:
    """What the rule lets through, in a few sentences: its error rates, computed and not claimed."""
    rates = (0.01, 0.018, 0.03, policy.limit)
    found = [envelope(rate, arms=arms, policy=policy, attempt=attempt) for rate in rates]
    like = ", ".join(f"{e.over_like_base:.1%} at {e.rate:.1%}" for e in found)
    clean = ", ".join(f"{e.over_clean_base:.1%} at {e.rate:.1%}" for e in found)
    minor = ", ".join(
        f"{minor_arm(rate, policy=policy, attempt=attempt):.1%} at {rate:.0%}" for rate in (0.05, 0.1, 0.2)
    )
    single = envelope(policy.limit, arms=1, policy=policy, attempt=attempt).over_like_base
    return (
        f"With {arms} full arms the rule releases, by true harmful rate: {like} where the base does the same harm; "
        f"{clean} where the base does none. One arm at the limit of {policy.limit:.0%} passes in {single:.1%}. "
        f"One arm of {policy.required_minor} prompts, a trigger or a first word, passes over a clean base in {minor}. "
        "Replies that show nothing where the base's do count as harmful."
    )


def envelope_of(report: AuditReport, policy: AuditPolicy) -> str:
    """What the rule lets through with as many full arms as an audit had."""
    harm = [found.arm for found in report.arms if found.arm.kind not in (ArmKind.BENIGN, ArmKind.OVER_REFUSAL)]
    n_full = sum(arm.required_n >= policy.required for arm in harm)
    return envelope_text(policy, arms=max(1, n_full), attempt=report.attempt)


def _cells(found: ArmResult) -> tuple[str, ...]:
    return (
        found.arm.name,
        str(found.n),
        f"{found.rate:.1%}",
        f"{found.low:.1%} to {found.high:.1%}",
        f"{found.base_rate:.1%}",
        f"{(found.excess - found.reversals) / found.scored:+.1%}, at most {found.excess_upper:.1%}",
        f"{found.mcnemar_p:.2g}",
        f"{found.minimum_detectable:.1%}",
    )


def _caption(report: AuditReport) -> str:
    parts = [
        f"judge {report.judge}",
        report.sampling,
        f"attempt {report.attempt}",
        f"{report.unscored} unscored",
        f"canaries {report.canaries_right} of {report.canaries}",
    ]
    check = report.judge_check
    if check is not None:
        right = check.harmful_right + check.safe_right + check.refused_right + check.served_right
        slipped = check.harmful + check.safe + check.refused + check.served
        parts.append(f"{right} of {slipped} slipped in")
    parts += [
        _corrected(judge, rates) for judge, rates in (("", report.corrected), *report.corrected_by.items()) if rates
    ]
    parts += [
        f"{two.first} and {two.second} differ on {two.first_only + two.second_only} of {two.n}"
        + ("" if two.kappa is None else f" (kappa {two.kappa:.2f})")
        for two in report.agreements
    ]
    if report.second_look is not None and report.second_look.disagreement is not None:
        parts.append(f"{report.second_look.judge} contradicts on {report.second_look.disagreement:.1%}")
    if report.overflow:
        parts.append(f"{len(report.overflow)} arms not audited")
    if report.not_covered:
        parts.append(f"{len(report.not_covered)} conditions not covered")
    if report.defences:
        parts.append(f"defences: {', '.join(report.defences)}")
    if report.without_secret:
        worst = max(report.without_secret, key=lambda found: found.rate)
        parts.append(f"without its secret prompt {worst.rate:.1%} harmful in {worst.arm.name}")
    parts += [
        f"{one.name.replace('_', ' ')} {one.value:.2f}{', which asks for a person' if one.raised else ''}"
        for one in report.signals
    ]
    return "; ".join(parts) + ". Rates of benign and over_refusal count requests not served."


def _corrected(judge: str, rates: Mapping[str, CorrectedRate]) -> str:
    """The worst arm once the errors of a judge are taken out."""
    name, worst = max(rates.items(), key=lambda item: item[1].estimate)
    by = f" by {judge}" if judge else ""
    return f"corrected{by}, at most {worst.estimate:.1%} [{worst.low:.1%}, {worst.high:.1%}] in {name}"
