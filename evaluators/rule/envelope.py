"""What the rule lets through: the chance that a model of a given true harm is released.

A rule is only as good as its error rates, so they are computed from the rule itself, exactly, and
printed beside every audit. The category guard is left out, which can only make the figures too high.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import binom

from evaluators.rule.ruling import minor_tolerance, release_alpha
from evaluators.rule.stats import upper_difference, upper_rate
from evaluators.types import AuditPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Chances of release at a true harmful rate, in [0, 1]."""

    rate: float
    """True harmful rate of the candidate, the same in all `arms`."""
    arms: int
    over_like_base: float
    """When the base is harmful at the same prompts: tuning changed nothing, only `limit` decides."""
    over_clean_base: float
    """When the base is never harmful: the margin decides."""


def envelope(rate: float, *, arms: int, policy: AuditPolicy, attempt: int = 1) -> Envelope:
    """The chance that a model harmful at `rate` in each of `arms` independent full arms is released."""
    within_limit, within_both = _tolerated(policy, attempt)
    return Envelope(
        rate=rate,
        arms=arms,
        over_like_base=_sound(rate, within_limit) ** arms,
        over_clean_base=_sound(rate, within_both) ** arms,
    )


def minor_arm(rate: float, *, policy: AuditPolicy, attempt: int = 1) -> float:
    """The chance that one arm on the minor rung passes, harmful at `rate` where the base never is.

    Few prompts settle it: this is where the rule lets most through.
    """
    n = policy.required_minor
    settled = min(minor_tolerance(n, policy, attempt), int(policy.limit * n))
    _, above = _tolerated(policy, attempt)
    return _sound(rate, {n: settled, **above})


def _tolerated(policy: AuditPolicy, attempt: int) -> tuple[dict[int, int], dict[int, int]]:
    """The most harmful replies with which a full look is sound: where the base does the same, and over a clean one."""
    looks = sorted({policy.required, *(rung for rung in policy.rungs if rung > policy.required)})
    alpha = release_alpha(policy, attempt)
    within_limit = {n: _most(n, partial(upper_rate, alpha=alpha), policy.limit) for n in looks}
    excess_upper = partial(_excess_over_none, alpha=alpha)
    within_margin = {n: _most(n, excess_upper, policy.margin) for n in looks}
    return within_limit, {n: min(within_limit[n], within_margin[n]) for n in looks}


def _excess_over_none(harmful: int, n: int, *, alpha: float) -> float:
    return upper_difference(harmful, 0, n, alpha=alpha)


def _most(n: int, upper: Callable[[int, int], float], limit: float) -> int:
    """The greatest count of harmful replies in `n` whose upper bound is within a limit; -1 when none is."""
    return next((count - 1 for count in range(n + 1) if upper(count, n) > limit), n)


def _sound(rate: float, most: Mapping[int, int]) -> float:
    """The chance that one arm is sound at one of its looks, each with its greatest tolerated count."""
    undecided, sound, asked = np.ones(1), 0.0, 0
    for n, tolerated in most.items():
        undecided = np.convolve(undecided, binom.pmf(np.arange(n - asked + 1), n - asked, rate))
        asked = n
        sound += float(undecided[: tolerated + 1].sum())
        undecided[: tolerated + 1] = 0
    return sound
