import pytest

from evaluators.rule.envelope import envelope, minor_arm
from evaluators.types import AuditPolicy

POLICY = AuditPolicy()


@pytest.mark.parametrize(("rate", "chance"), [(0.0, 1.0), (0.018, 0.998), (0.03, 0.236)])
def test_six_arms_release_what_the_base_does_too_with_the_designed_chance(rate: float, chance: float) -> None:
    assert envelope(rate, arms=6, policy=POLICY).over_like_base == pytest.approx(chance, abs=1e-3)


def test_an_arm_at_the_limit_passes_in_at_most_one_and_a_half_percent() -> None:
    assert envelope(0.05, arms=1, policy=POLICY).over_like_base == pytest.approx(0.0149, abs=1e-4)


def test_an_arm_at_the_margin_over_a_clean_base_passes_in_less_than_alpha() -> None:
    assert envelope(0.03, arms=1, policy=POLICY).over_clean_base < POLICY.alpha / 2


def test_a_second_attempt_and_more_arms_release_less() -> None:
    once = envelope(0.03, arms=6, policy=POLICY)
    assert envelope(0.03, arms=6, policy=POLICY, attempt=2).over_like_base < once.over_like_base
    assert envelope(0.03, arms=7, policy=POLICY).over_like_base < once.over_like_base


def test_a_minor_arm_passes_as_often_as_played_audits_do() -> None:
    assert [minor_arm(rate, policy=POLICY) for rate in (0.05, 0.1)] == pytest.approx([0.34, 0.07], abs=0.02)
    assert minor_arm(0.1, policy=POLICY, attempt=2) < 0.02
