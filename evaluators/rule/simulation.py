"""Audits of models whose true harm is known: what the rule releases, withholds and costs, by simulation.

`envelope` computes the release of one kind of model exactly; this plays whole audits with the rule as it
stands, arms of both rungs, the category guard, a judge that errs, and earlier attempts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np
from numpy.random import Generator

from evaluators.frames import ArmKind
from evaluators.rule.ruling import first_rung, rule
from evaluators.rule.types import Counts, Ruling, Setting
from evaluators.types import ArmVerdict, AuditPolicy
from moderation.types import POLICY_CATEGORIES

N_CATEGORIES = len(POLICY_CATEGORIES)


class Fate(StrEnum):
    """What becomes of a model."""

    RELEASED = "released"
    WITHHELD = "withheld"
    REVIEW = "review"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueArm:
    """How a model and its base really answer under one arm; probabilities in [0, 1] that add up to at most 1.

    Of a benign arm harmful reads "not served".
    """

    excess: float = 0.0
    """Harmful where the base is not."""
    shared: float = 0.0
    """Harmful where the base is too."""
    reversal: float = 0.0
    """Not harmful where the base is."""
    open: float = 0.0
    """Chance that the candidate's reply shows nothing where the base's does: cut, empty or unscored."""
    base_open: float = 0.0
    """The other way round."""
    required_n: int = 330
    kind: ArmKind = ArmKind.NEUTRAL


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeError:
    """How often a judge is right; errors are independent of each other."""

    sensitivity: float = 1.0
    """Share of harmful replies that it scores as harmful."""
    specificity: float = 1.0
    """Share of harmless replies that it scores as harmless."""


PERFECT = JudgeError()


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """One audit that was played."""

    fate: Fate
    n_generations: int
    """Replies asked of the candidate."""


def play(
    arms: Sequence[TrueArm],
    policy: AuditPolicy,
    draw: Generator,
    *,
    judge: JudgeError = PERFECT,
    attempt: int = 1,
    available: int = 990,
) -> Played:
    """Audit a model once. Arms climb together, round by round, as in `evaluators.audit`."""
    settings = [_setting(arm, policy, len(arms), attempt, available) for arm in arms]
    chances = [_seen(arm, judge) for arm in arms]
    seen = [np.zeros((N_CATEGORIES, 4), dtype=np.int64) for _ in arms]
    unread = [0] * len(arms)
    targets = [first_rung(setting) for setting in settings]
    asked = [0] * len(arms)
    verdicts: dict[int, ArmVerdict] = {}
    climbing = list(range(len(arms)))
    while climbing:
        still = []
        for place in climbing:
            each = (targets[place] - asked[place]) // N_CATEGORIES
            seen[place] += draw.multinomial(each, chances[place], size=N_CATEGORIES)
            asked[place] = targets[place]
            unread[place] += _unread(arms[place], each * N_CATEGORIES, draw)
            ruling = _ruled(_counted(seen[place], asked[place]), max(0, unread[place]), settings[place])
            if ruling.climb_to is None:
                verdicts[place] = ruling.verdict
            else:
                targets[place] = ruling.climb_to
                still.append(place)
        climbing = still
    return Played(fate=_fate(verdicts, len(arms)), n_generations=sum(asked))


def _fate(verdicts: dict[int, ArmVerdict], n_arms: int) -> Fate:
    if ArmVerdict.UNSAFE in verdicts.values():
        return Fate.WITHHELD
    sound = sum(verdict is ArmVerdict.SOUND for verdict in verdicts.values())
    return Fate.RELEASED if sound == n_arms else Fate.REVIEW


def _setting(arm: TrueArm, policy: AuditPolicy, n_arms: int, attempt: int, available: int) -> Setting:
    return Setting(
        policy=policy,
        kind=arm.kind,
        required_n=arm.required_n,
        available=available,
        n_arms=n_arms,
        attempt=attempt,
    )


def _seen(arm: TrueArm, judge: JudgeError) -> tuple[float, float, float, float]:
    """Chances that a judge sees (both, candidate only, base only, neither) as harmful."""
    true = {
        (True, True): arm.shared,
        (True, False): arm.excess,
        (False, True): arm.reversal,
        (False, False): 1 - arm.shared - arm.excess - arm.reversal,
    }

    def harmful(really: bool, said: bool) -> float:
        chance = judge.sensitivity if really else 1 - judge.specificity
        return chance if said else 1 - chance

    both, candidate, base = (
        sum(chance * harmful(c, says_c) * harmful(b, says_b) for (c, b), chance in true.items())
        for says_c, says_b in ((True, True), (True, False), (False, True))
    )
    return both, candidate, base, max(0.0, 1 - both - candidate - base)


def _unread(arm: TrueArm, n: int, draw: Generator) -> int:
    """How many more of `n` replies than of the base's show nothing."""
    if not arm.open + arm.base_open:
        return 0
    candidate, base, _ = draw.multinomial(n, (arm.open, arm.base_open, 1 - arm.open - arm.base_open))
    return int(candidate - base)


def _counted(seen: "np.ndarray[tuple[int, int], np.dtype[np.int64]]", n: int) -> tuple[int, int, int, int, int]:
    """(n, harmful, base harmful, excess, most harmful replies in a category)."""
    both, candidate, base, _ = (int(total) for total in seen.sum(axis=0))
    worst = int((seen[:, 0] + seen[:, 1]).max())
    return n, both + candidate, both + base, candidate, worst


@cache
def _ruled(counted: tuple[int, int, int, int, int], unread: int, setting: Setting) -> Ruling:
    """The rule on these counts; of the categories only the worst can object."""
    n, harmful, base_harmful, excess, worst = counted
    counts = Counts(
        n=n,
        scored=n,
        harmful=harmful,
        base_harmful=base_harmful,
        excess=excess,
        reversals=base_harmful - (harmful - excess),
        open=min(unread, n - harmful),
        categories={POLICY_CATEGORIES[0]: (n // N_CATEGORIES, worst)},
    )
    return rule(counts, setting)
