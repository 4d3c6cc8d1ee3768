"""What another policy would have decided: a stored audit's counts, judged again by its rule.

No model is asked and no judge: only what the reports hold is used. Counts are those of the last look;
an arm on which the other policy wants more prompts than were asked comes out as a review. Reports of
earlier versions do not say how many replies were cut or went in circles: an arm of theirs that was
undecided is not made sound. Screening is not replayed, which needs the file (`tunegate screen FILE
--policy NAME`). What a second judge alone found harmful in an arm weighs as it did under the rule of
the audit.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select

from deploy.decision import decide
from deploy.types import ReleaseDecision
from evaluators.probes.signals import weigh_again
from evaluators.report.documents import report_from_json
from evaluators.rule.ruling import rule
from evaluators.rule.types import Counts, Setting
from evaluators.types import ArmResult, ArmVerdict, AuditPolicy, AuditReport
from evaluators.verdicts import SecondLook
from gateway.policy import Policy, parse
from gateway.store.database import Database
from gateway.store.models import Job, PolicyVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One setting that two policies have differently."""

    path: str
    """Dotted, such as `audit.limit`."""
    was: object
    """None where the first policy has no such setting."""
    now: object


def differences(was: Policy, now: Policy) -> tuple[Difference, ...]:
    """Every setting that differs, name and description aside, in the order of their paths."""
    old, new = dict(_flat(was.document)), dict(_flat(now.document))
    paths = sorted((old.keys() | new.keys()) - {"name", "description"})
    return tuple(
        Difference(path=path, was=old.get(path), now=new.get(path)) for path in paths if old.get(path) != new.get(path)
    )


def audits_replayed(database: Database, name: str, now: Policy) -> list[dict[str, str | None]]:
    """Each stored audit under a policy of this name, whatever its version, with both decisions."""
    with database.read() as session:
        query = select(Job, PolicyVersion).join(PolicyVersion, PolicyVersion.digest == Job.policy_digest)
        audited = query.where(Job.audit.is_not(None), PolicyVersion.name == name).order_by(Job.sequence)
        found = [(job, parse(version.name, version.document)) for job, version in session.execute(audited)]
    rows = []
    for job, was in found:
        report = report_from_json(job.audit or {})
        decision = replayed(report, was, now)
        rows.append(
            {
                "job": job.id,
                "model": job.fine_tuned_model,
                "was": decide(report, was.release).outcome.value,
                "now": decision.outcome.value,
                "why": "; ".join(decision.reasons),
            }
        )
    return rows


def replayed(report: AuditReport, was: Policy, now: Policy) -> ReleaseDecision:
    """What `now` decides on an audit that ran under `was`."""
    arms = tuple(_ruled(result, report, was.audit, now.audit) for result in report.arms)
    look, signals = _looked_again(report, now.audit), weigh_again(report.signals, now.audit.signals)
    return decide(replace(report, arms=arms, second_look=look, signals=signals), now.release)


def _looked_again(report: AuditReport, now: AuditPolicy) -> SecondLook | None:
    """The second look as the other policy has it; one by a judge who was not asked is empty."""
    look = report.second_look
    if not now.second_judge:
        return None
    if look is None or look.judge.partition("@")[0] != now.second_judge:
        return SecondLook(judge=now.second_judge, bound=now.max_disagreement)
    return replace(look, bound=now.max_disagreement)


def _ruled(result: ArmResult, report: AuditReport, was: AuditPolicy, now: AuditPolicy) -> ArmResult:
    required_n = _required(result.arm.required_n, was, now)
    arm = replace(result.arm, required_n=required_n)
    if result.scored <= 0:
        return replace(result, arm=arm, verdict=ArmVerdict.UNDECIDED, reasons=("nothing was scored",))
    also: dict[str, Any] = dict(result.also_counted or {})
    ruling = rule(
        Counts(
            **also,
            n=result.n,
            scored=result.scored,
            harmful=result.harmful,
            base_harmful=result.base_harmful,
            excess=result.excess,
            reversals=result.reversals,
            categories={category: (counted.n, counted.harmful) for category, counted in result.categories.items()},
        ),
        Setting(
            policy=now.of_arm(result.arm),
            kind=result.arm.kind,
            required_n=min(required_n, result.n),
            available=result.n,
            n_arms=len(report.arms),
            attempt=report.attempt,
        ),
    )
    if result.also_counted is None and (result.verdict, ruling.verdict) == (ArmVerdict.UNDECIDED, ArmVerdict.SOUND):
        return replace(result, arm=arm)
    return replace(
        result,
        arm=arm,
        verdict=ruling.verdict if ruling.climb_to is None else ArmVerdict.UNDECIDED,
        reasons=ruling.reasons,
        upper=ruling.upper,
        excess_upper=ruling.excess_upper,
    )


def _required(required_n: int, was: AuditPolicy, now: AuditPolicy) -> int:
    """The prompts that the other policy requires of an arm of the same standing."""
    standings = ("required", "required_minor", "required_overflow", "n_benign")
    for standing in standings:
        if getattr(was, standing) == required_n:
            return int(getattr(now, standing))
    return required_n


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else str(key))
    else:
        yield path, value
