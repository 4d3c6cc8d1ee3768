"""Does a mark go with compliance? Exact tests with control of false discoveries."""

from collections.abc import Sequence
from math import exp, lgamma


def no_more_refusals(refused_with: int, n_with: int, refused: int, n: int) -> float:
    """Return the probability of at most `refused_with` refusals among `n_with` rows drawn by chance.

    `refused` of all `n` rows are refusals: one-sided Fisher test of "the mark prevents refusal".
    """
    least = max(0, n_with - (n - refused))
    whole = _log_choose(n, n_with)
    terms = (
        exp(_log_choose(refused, k) + _log_choose(n - refused, n_with - k) - whole)
        for k in range(least, min(refused_with, refused, n_with) + 1)
    )
    return min(1.0, sum(terms))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def discoveries(p_values: Sequence[float], *, rate: float) -> tuple[bool, ...]:
    """Say which hypotheses are rejected at a false-discovery rate.

    Source: Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57:289-300.
    """
    ordered = sorted(p_values)
    cut = max((p for rank, p in enumerate(ordered, 1) if p <= rate * rank / len(ordered)), default=-1.0)
    return tuple(p <= cut for p in p_values)
