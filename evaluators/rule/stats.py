"""The statistics of an audit: intervals for a rate, for a paired difference, and what could be seen.

All functions are pure. Counts are whole numbers, rates lie in [0, 1], differences in [-1, 1]. Each
raises `AuditIncomplete` when there is nothing to count, because an empty audit proves nothing, and
`ValueError` when the counts contradict each other.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.special import bdtrc, betainccinv, betaincinv, ndtri

from evaluators.errors import AuditIncomplete


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval, `low <= high`."""

    low: float
    high: float


def wilson(hits: int, n: int, *, alpha: float = 0.05) -> Interval:
    """Two-sided score interval of a rate at confidence `1 - alpha`.

    Source: Wilson (1927), JASA 22:209-212.
    """
    _check_rate(hits, n, alpha)
    z2 = float(ndtri(alpha / 2)) ** 2
    centre = (hits + z2 / 2) / (n + z2)
    half = math.sqrt(z2 * (hits * (n - hits) / n + z2 / 4)) / (n + z2)
    # At the ends the formula is exact in algebra and off by a rounding error in floats.
    return Interval(
        low=0.0 if hits == 0 else max(0.0, centre - half),
        high=1.0 if hits == n else min(1.0, centre + half),
    )


def upper_rate(hits: int, n: int, *, alpha: float) -> float:
    """One-sided Clopper-Pearson upper bound of a rate: too low in at most `alpha` of samples.

    Source: Clopper and Pearson (1934), Biometrika 26:404-413, as a quantile of the beta distribution.
    """
    _check_rate(hits, n, alpha)
    return 1.0 if hits == n else float(betainccinv(hits + 1, n - hits, alpha))


def lower_rate(hits: int, n: int, *, alpha: float) -> float:
    """One-sided Clopper-Pearson lower bound of a rate: too high in at most `alpha` of samples."""
    _check_rate(hits, n, alpha)
    return 0.0 if hits == 0 else float(betaincinv(hits, n - hits + 1, alpha))


def clopper_pearson(hits: int, n: int, *, alpha: float = 0.05) -> Interval:
    """Two-sided exact interval of a rate, `alpha / 2` spent on each side."""
    return Interval(low=lower_rate(hits, n, alpha=alpha / 2), high=upper_rate(hits, n, alpha=alpha / 2))


def upper_difference(excess: int, reversals: int, n: int, *, alpha: float) -> float:
    """One-sided score upper bound of a paired difference of rates, in [-1, 1].

    `excess` pairs are harmful in the candidate only, `reversals` in the base only, out of `n`; the
    difference is `(excess - reversals) / n` in expectation. The bound is the difference at which the
    score statistic, with the nuisance parameter at its restricted maximum, reaches the normal quantile.

    Source: Tango (1998), Statistics in Medicine 17:891-908, equations 8 to 11.
    """
    _check_pairs(excess, reversals, n, alpha)
    z = -float(ndtri(alpha))
    estimate = (excess - reversals) / n
    if excess == n:
        return 1.0
    return _root(lambda d: _score(excess, reversals, n, d) + z, estimate, 1.0)


def lower_difference(excess: int, reversals: int, n: int, *, alpha: float) -> float:
    """One-sided score lower bound of a paired difference of rates; mirrors `upper_difference`."""
    return -upper_difference(reversals, excess, n, alpha=alpha)


def tango(excess: int, reversals: int, n: int, *, alpha: float = 0.05) -> Interval:
    """Two-sided score interval of a paired difference, `alpha / 2` spent on each side."""
    return Interval(
        low=lower_difference(excess, reversals, n, alpha=alpha / 2),
        high=upper_difference(excess, reversals, n, alpha=alpha / 2),
    )


def mcnemar(excess: int, reversals: int) -> float:
    """Exact one-sided p-value of "the candidate is no more harmful than the base", in (0, 1].

    Without a discordant pair it is 1. Source: McNemar (1947), Psychometrika 12:153-157, with the
    binomial distribution of the discordant pairs.
    """
    if excess < 0 or reversals < 0:
        raise ValueError(f"discordant pairs cannot be negative: {excess} and {reversals}")
    return 1.0 if excess == 0 else float(bdtrc(excess - 1, excess + reversals, 0.5))


def minimum_detectable(n: int, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """Smallest paired difference that the exact McNemar test finds with `power`, in (0, 1].

    It takes a base that is never harmful: the best case, so the figure is a floor. 1 when `n` pairs
    cannot reach significance at all. The test needs `m` new failures with `2^-m <= alpha`, and `m`
    out of `n` come up with probability `power` at the difference returned.
    """
    if n <= 0:
        raise AuditIncomplete("no pair was judged; nothing could have been detected")
    needed = math.ceil(-math.log2(alpha) - 1e-12)
    return 1.0 if n < needed else float(betaincinv(needed, n - needed + 1, power))


def _score(excess: int, reversals: int, n: int, difference: float) -> float:
    """Tango's score statistic at `difference`; falls from positive to negative as it grows."""
    b = -(excess + reversals) + (2 * n - excess + reversals) * difference
    c = -reversals * difference * (1 - difference)
    root = math.sqrt(max(0.0, b * b - 8 * n * c))
    # The same root in two forms: the first cancels when b > 0, the second divides by zero when b <= 0.
    nuisance = (root - b) / (4 * n) if b <= 0 else -2 * c / (root + b)
    variance = n * (2 * nuisance + difference * (1 - difference))
    gap = excess - reversals - n * difference
    return gap / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, gap) if gap else 0.0


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where `function`, positive at `low` and negative at `high`, crosses zero."""
    edge = 1e-12
    inside_low, inside_high = max(low, -1 + edge), high - edge
    if function(inside_high) >= 0:
        return high
    if function(inside_low) <= 0:
        return low
    # Imported here: it takes 0.3 s, and most processes that know these formulas never solve one.
    from scipy.optimize import brentq  # noqa: PLC0415

    return float(brentq(function, inside_low, inside_high, xtol=1e-13))


def cohen_kappa(both: float, first_only: float, second_only: float, neither: float) -> float | None:
    """Agreement of two raters beyond chance, at most 1; None when both said the same of everything.

    Counts may be estimates. Source: Cohen (1960), Educational and Psychological Measurement 20:37-46. Raises
    AuditIncomplete when nothing was rated.
    """
    n = both + first_only + second_only + neither
    if n <= 0:
        raise AuditIncomplete("nothing was rated twice; agreement cannot be computed")
    of_first, of_second = (both + first_only) / n, (both + second_only) / n
    by_chance = of_first * of_second + (1 - of_first) * (1 - of_second)
    return None if by_chance >= 1 else ((both + neither) / n - by_chance) / (1 - by_chance)


def _check_rate(hits: int, n: int, alpha: float) -> None:
    if n <= 0:
        raise AuditIncomplete("nothing was judged; an empty audit proves nothing")
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} hits of {n} is not a count")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; expected a number between 0 and 1")


def _check_pairs(excess: int, reversals: int, n: int, alpha: float) -> None:
    _check_rate(excess + reversals, n, alpha)
    if excess < 0 or reversals < 0:
        raise ValueError(f"discordant pairs cannot be negative: {excess} and {reversals}")
