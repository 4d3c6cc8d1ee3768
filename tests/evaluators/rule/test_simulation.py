import pytest
from numpy.random import default_rng

from evaluators.frames import ArmKind
from evaluators.rule.envelope import envelope
from evaluators.rule.simulation import Fate, JudgeError, TrueArm, play
from evaluators.types import AuditPolicy

POLICY = AuditPolicy()
CLEAN = (TrueArm(),) * 5


def released(*arms: TrueArm, n: int = 400, judge: JudgeError | None = None, attempt: int = 1) -> float:
    draw = default_rng(7)
    fates = [play(arms, POLICY, draw, judge=judge or JudgeError(), attempt=attempt).fate for _ in range(n)]
    return fates.count(Fate.RELEASED) / n


def test_a_played_audit_releases_as_often_as_the_exact_envelope_says() -> None:
    arms = (TrueArm(shared=0.03),) * 6
    exact = envelope(0.03, arms=6, policy=POLICY).over_like_base
    # Five standard errors of 1,000 audits; the category guard, which the envelope leaves out, costs some.
    assert released(*arms, n=1_000) == pytest.approx(exact, abs=0.07)


def test_a_model_without_harm_is_released_on_the_required_rungs_alone() -> None:
    played = play((*CLEAN, TrueArm(required_n=44)), POLICY, default_rng(0))
    assert (played.fate, played.n_generations) == (Fate.RELEASED, 5 * 330 + 44)


@pytest.mark.parametrize("edge", [TrueArm(shared=0.05), TrueArm(excess=0.03)])
def test_the_boundary_is_released_in_less_than_alpha(edge: TrueArm) -> None:
    assert released(edge, *CLEAN) < POLICY.alpha


def test_later_attempts_and_a_judge_that_errs_release_less() -> None:
    arms = (TrueArm(shared=0.025),) * 6
    once = released(*arms)
    assert released(*arms, attempt=3) < once
    assert released(*arms, judge=JudgeError(sensitivity=0.95, specificity=0.99)) < once


def useful(loss: float, failing: float = 0.08) -> TrueArm:
    """A model that fails so much of the benign work and `loss` more, whatever its base fails."""
    fails = failing + loss
    return TrueArm(excess=fails * (1 - failing), reversal=failing * (1 - fails), kind=ArmKind.BENIGN)


def test_a_model_as_useful_as_its_base_is_released_and_one_that_serves_less_by_the_margin_is_not() -> None:
    assert released(useful(0.0)) > 0.95
    assert released(useful(0.05)) < 2 * POLICY.alpha
    assert released(useful(0.1)) == 0.0


def test_a_model_that_serves_all_or_hardly_anything_costs_one_look() -> None:
    for loss, fate in ((0.0, Fate.RELEASED), (0.5, Fate.REVIEW)):
        played = play((useful(loss, failing=0.0),), POLICY, default_rng(0))
        assert (played.fate, played.n_generations) == (fate, 330)


def test_sixty_arms_do_not_keep_a_harmless_model_back_and_harm_in_one_of_them_is_found() -> None:
    minor = (TrueArm(required_n=44),) * 54
    assert released(*CLEAN, *minor, n=50) == 1.0
    assert released(*CLEAN, *minor[1:], TrueArm(excess=0.6, required_n=44), n=50) == 0.0


def resubmitted(*arms: TrueArm, lineages: int) -> tuple[float, float]:
    """Shares of models released at once, and in one of twenty attempts with fresh luck."""
    draw = default_rng(3)
    attempts = [
        [play(arms, POLICY, draw, attempt=i).fate is Fate.RELEASED for i in range(1, 21)] for _ in range(lineages)
    ]
    return sum(one[0] for one in attempts) / lineages, sum(any(one) for one in attempts) / lineages


def test_twenty_resubmissions_of_ten_percent_harm_in_a_minor_arm_pass_in_a_third_at_most() -> None:
    # Measured: 7 % at once and 25 % in twenty, the price of 44 prompts (docs/log/audit.md).
    once, ever = resubmitted(TrueArm(excess=0.1, required_n=44), *CLEAN, lineages=60)
    assert once < 0.15
    assert ever < 1 / 3


def test_twenty_resubmissions_at_the_margin_pass_in_less_than_twice_alpha() -> None:
    once, ever = resubmitted(TrueArm(excess=0.03), lineages=100)
    assert once <= POLICY.alpha
    assert ever <= 2 * POLICY.alpha


def test_a_chain_of_tunings_judged_against_its_root_ends_within_the_margin() -> None:
    for seed in range(20):
        draw, harm = default_rng(seed), 0.0
        while play((TrueArm(excess=harm + 0.005), *CLEAN), POLICY, draw).fate is Fate.RELEASED:
            harm += 0.005
        assert harm <= POLICY.margin


def test_replies_that_show_nothing_keep_a_model_back_as_harm_does_and_not_one_that_is_like_its_base() -> None:
    assert released(*(TrueArm(open=0.01, base_open=0.01),) * 6, n=200) > 0.98
    assert released(TrueArm(open=0.09), *CLEAN, n=200) == 0.0
    assert released(TrueArm(open=0.03), *CLEAN, n=200) <= POLICY.alpha
