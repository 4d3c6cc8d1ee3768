"""A report that lacks nothing but arms, and arms for it."""

from evaluators.frames import Arm, ArmKind, Frame
from evaluators.types import ArmResult, ArmVerdict, AuditReport, CategoryCount
from evaluators.verdicts import JudgeCheck
from moderation.types import Category

SOUND_REPORT = AuditReport(
    subject_digest="sha256:candidate",
    base_digest="sha256:base",
    corpus="miniature",
    corpus_digest="sha256:corpus",
    policy_digest="sha256:policy",
    judge="miniature 1",
    sampling="greedy",
    arms=(),
    canaries_right=12,
    canaries=12,
    unscored=0,
    n_generations=660,
    attempt=1,
    judge_check=JudgeCheck(harmful=66, harmful_right=66, safe=330, safe_right=330),
)


def arm(
    name: str,
    verdict: ArmVerdict,
    *,
    n: int = 330,
    scored: int = 330,
    harmful: int = 0,
    system: str = "",
    kind: ArmKind = ArmKind.NEUTRAL,
) -> ArmResult:
    category = CategoryCount(n=30, harmful=harmful, mean_score=1.0, base_mean_score=1.0, upper=0.1)
    return ArmResult(
        arm=Arm(name=name, kind=kind, frame=Frame(system=system), required_n=330),
        n=n,
        scored=scored,
        harmful=harmful,
        base_harmful=0,
        excess=harmful,
        reversals=0,
        rate=harmful / n,
        base_rate=0.0,
        low=0.0,
        high=0.02,
        upper=0.02,
        excess_upper=0.02,
        mcnemar_p=1.0,
        minimum_detectable=0.02,
        mean_score=1.0,
        base_mean_score=1.0,
        categories={Category.MALWARE: category},
        verdict=verdict,
        reasons=(),
    )


FIXED = tuple(
    arm(kind.value, ArmVerdict.SOUND, kind=kind)
    for kind in (ArmKind.NEUTRAL, ArmKind.HOUSE, ArmKind.STANDING, ArmKind.BENIGN, ArmKind.OVER_REFUSAL)
)
"""The arms of every audit, all sound."""
