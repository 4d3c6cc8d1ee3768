"""How much of a one-sided error each of several looks at the same growing sample may be taken at.

The error is spent by alpha t^3, where t is the share of the last look's prompts that were asked (Kim & DeMets
1987, Biometrika 74:149-154): little at first, most at the end. Looks see the same prompts again, so a level may be
greater than what is spent at it; the levels are found by the recursion of Armitage, McPherson & Rowe (1969, Journal
of the Royal Statistical Society A 132:235-244) for a statistic with independent normal increments (Lan & DeMets
1983, Biometrika 70:659-663), which a score statistic is in the limit.
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.special import ndtr, ndtri

POWER = 3
"""1 would spend evenly; at 3 the bounds are like those of O'Brien & Fleming (1979, Biometrics 35:549-556)."""
_POINTS = 801
"""Of the grid on which a density is held."""
_FAR = 8.0
"""Standard deviations below 0 where the grid begins."""
_HALVINGS = 80

_Array = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


@lru_cache
def levels(looks: tuple[int, ...], alpha: float) -> tuple[float, ...]:
    """The nominal one-sided level of each look, for sample sizes in rising order; together they err in `alpha`."""
    times = [look / looks[-1] for look in looks]
    spent = [alpha * (now**POWER - before**POWER) for before, now in pairwise((0.0, *times))]
    found = [spent[0]]
    bound = -float(ndtri(spent[0])) * times[0] ** 0.5
    at, weight = _grid(bound, times[0])
    density = weight * _normal(at / times[0] ** 0.5) / times[0] ** 0.5
    for (before, now), part in zip(pairwise(times), spent[1:], strict=True):
        step = (now - before) ** 0.5
        bound = _edge(at, density, step, part)
        found.append(float(ndtr(-bound / now**0.5)))
        onward, weight = _grid(bound, now)
        density = weight * (_normal((onward[:, None] - at[None, :]) / step) @ density) / step
        at = onward
    return tuple(found)


def _grid(bound: float, time: float) -> tuple[_Array, _Array]:
    """Points below a bound, where the statistic has not crossed it, and the weights of Simpson's rule."""
    at = np.linspace(-_FAR * time**0.5, bound, _POINTS)
    weight = np.ones(_POINTS)
    weight[1:-1:2], weight[2:-1:2] = 4.0, 2.0
    return at, weight * (at[1] - at[0]) / 3


def _normal(z: _Array) -> _Array:
    density: _Array = np.exp(-0.5 * z * z) / (2 * np.pi) ** 0.5
    return density


def _edge(at: _Array, density: _Array, step: float, part: float) -> float:
    """Where a statistic of this density, after a normal step, has the chance `part` to be beyond."""
    low, high = -_FAR, 40.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        beyond = float(density @ ndtr((at - middle) / step))
        low, high = (middle, high) if beyond > part else (low, middle)
    return (low + high) / 2
