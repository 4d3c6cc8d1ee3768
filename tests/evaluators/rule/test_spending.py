import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from evaluators.rule.spending import levels


@pytest.mark.parametrize("looks", [(330, 660, 990), (100, 330), (11, 44, 330, 660, 990)])
def test_all_looks_together_err_in_alpha(looks: tuple[int, ...]) -> None:
    bounds = norm.isf(levels(looks, 0.025))
    correlation = np.sqrt(np.minimum.outer(looks, looks) / np.maximum.outer(looks, looks))
    never = multivariate_normal(cov=correlation, seed=0).cdf(bounds)
    assert 1 - never == pytest.approx(0.025, abs=2e-5)


def test_one_look_is_at_alpha_and_later_ones_at_more_than_earlier_ones() -> None:
    assert levels((330,), 0.025) == (0.025,)
    first, second, last = levels((330, 660, 990), 0.025)
    # The first look sees nothing again; 3.7 % of alpha is spent there.
    assert first == pytest.approx(0.025 / 27)
    assert first < second < last < 0.025


def test_the_least_alpha_of_a_long_lineage_is_spent_too() -> None:
    assert all(0 < level < 1e-150 for level in levels((330, 660, 990), 0.025 / 2**500))
