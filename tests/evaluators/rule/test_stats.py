import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.proportion import proportion_confint

from evaluators.errors import AuditIncomplete
from evaluators.rule.stats import (
    clopper_pearson,
    lower_difference,
    lower_rate,
    mcnemar,
    minimum_detectable,
    tango,
    upper_difference,
    upper_rate,
    wilson,
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int]:
    n = draw(st.integers(1, 400))
    excess = draw(st.integers(0, n))
    return excess, draw(st.integers(0, n - excess)), n


@pytest.mark.parametrize("hits", [0, 1, 6, 14, 43, 76, 329, 330])
def test_rate_intervals_agree_with_statsmodels(hits: int) -> None:
    for ours, method in ((wilson(hits, 330), "wilson"), (clopper_pearson(hits, 330), "beta")):
        reference = proportion_confint(hits, 330, alpha=0.05, method=method)
        assert (ours.low, ours.high) == pytest.approx(reference, abs=1e-9)


@pytest.mark.parametrize(("hits", "low", "high"), [(0, 0, 1.15), (6, 0.84, 3.91), (14, 2.54, 6.99), (76, 18.8, 27.9)])
def test_wilson_gives_the_figures_quoted_for_330_prompts(hits: int, low: float, high: float) -> None:
    interval = wilson(hits, 330)
    assert (100 * interval.low, 100 * interval.high) == pytest.approx((low, high), abs=0.05)


def test_one_sided_bounds_agree_with_scipy() -> None:
    for hits in (0, 2, 30):
        exact = binomtest(hits, 30, alternative="less").proportion_ci(0.95)
        assert upper_rate(hits, 30, alpha=0.05) == pytest.approx(exact.high)
        exact = binomtest(hits, 30, alternative="greater").proportion_ci(0.95)
        assert lower_rate(hits, 30, alpha=0.05) == pytest.approx(exact.low)


def test_mcnemar_agrees_with_statsmodels_and_is_one_without_discordance() -> None:
    # statsmodels is two-sided; its exact p is twice the smaller tail.
    reference = reference_mcnemar([[0, 9], [2, 0]], exact=True).pvalue
    assert mcnemar(9, 2) == pytest.approx(reference / 2)
    assert mcnemar(0, 0) == mcnemar(0, 4) == 1.0
    assert (mcnemar(5, 0), mcnemar(7, 0)) == (2**-5, 2**-7)


@pytest.mark.parametrize(
    ("excess", "reversals", "n", "alpha", "low", "high"),
    [
        # Bentur et al. (2009) in Fagerland, Lydersen and Laake (2017), table 8.4: Tango's interval.
        (1, 7, 21, 0.05, -0.517, -0.026),
        # Miyanaga (1994) in Tango (1998), section 6.
        (0, 1, 44, 0.10, -0.096, 0.037),
        # R's PropCIs::scoreci.mp(25, 28, 618, 0.90), whose difference runs the other way.
        (28, 25, 618, 0.10, -0.0148, 0.0247),
    ],
)
def test_tango_gives_published_intervals(
    excess: int, reversals: int, n: int, alpha: float, low: float, high: float
) -> None:
    interval = tango(excess, reversals, n, alpha=alpha)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-4)


def test_tango_without_discordance_is_the_closed_form() -> None:
    z2 = 1.959963984540054**2
    assert upper_difference(0, 0, 50, alpha=0.025) == pytest.approx(z2 / (50 + z2))
    assert upper_difference(0, 0, 1_000_000, alpha=0.025) == pytest.approx(z2 / (1_000_000 + z2))
    assert (tango(50, 0, 50).high, tango(0, 50, 50).low) == (1.0, -1.0)


@given(tables(), st.sampled_from([0.2, 0.025, 1e-4]))
def test_difference_bounds_enclose_the_estimate(table: tuple[int, int, int], alpha: float) -> None:
    excess, reversals, n = table
    low, high = lower_difference(*table, alpha=alpha), upper_difference(*table, alpha=alpha)
    assert -1 <= low <= (excess - reversals) / n + 1e-9
    assert (excess - reversals) / n - 1e-9 <= high <= 1


@given(tables())
def test_more_excess_never_lowers_the_upper_bound(table: tuple[int, int, int]) -> None:
    excess, reversals, n = table
    if excess + reversals < n:
        more = upper_difference(excess + 1, reversals, n, alpha=0.01)
        assert more >= upper_difference(excess, reversals, n, alpha=0.01) - 1e-9


@given(st.integers(1, 2000), st.data())
def test_exact_bounds_contain_wilson_centre_and_widen_with_confidence(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    assert lower_rate(hits, n, alpha=0.01) <= hits / n <= upper_rate(hits, n, alpha=0.01)
    assert upper_rate(hits, n, alpha=0.001) >= upper_rate(hits, n, alpha=0.01)


@pytest.mark.parametrize(
    ("n", "at_5", "at_1"), [(330, 2.05, 2.75), (300, 2.25, 3.05), (100, 6.7, 9.0), (30, 21, 29), (1000, 0.7, 0.95)]
)
def test_minimum_detectable_difference_has_the_power_it_claims(n: int, at_5: float, at_1: float) -> None:
    # The figures were rounded upwards when they were published; ours are exact.
    assert 100 * minimum_detectable(n) == pytest.approx(at_5, rel=0.05)
    assert 100 * minimum_detectable(n, alpha=0.01) == pytest.approx(at_1, rel=0.05)
    # Five new failures are significant at 5 %: how often they come up is the tail of a binomial.
    assert binomtest(5, n, minimum_detectable(n), alternative="greater").pvalue == pytest.approx(0.8)


def test_minimum_detectable_is_everything_when_significance_is_out_of_reach() -> None:
    assert minimum_detectable(4) == 1.0


def test_nothing_judged_is_an_error_and_so_are_impossible_counts() -> None:
    for empty in (lambda: wilson(0, 0), lambda: tango(0, 0, 0), lambda: minimum_detectable(0)):
        with pytest.raises(AuditIncomplete):
            empty()
    for wrong in (lambda: wilson(3, 2), lambda: tango(2, 2, 3), lambda: mcnemar(-1, 0), lambda: tango(2, -1, 3)):
        with pytest.raises(ValueError, match=r"count|negative"):
            wrong()
    with pytest.raises(ValueError, match="alpha"):
        upper_rate(0, 3, alpha=1.5)
