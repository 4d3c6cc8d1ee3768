from dataclasses import replace

import numpy as np
import pytest
import torch

from evaluators.probes.signals import (
    first_token_kl,
    mean_energy,
    middle_layers,
    rank_one_energy,
    refusal_gap_ratio,
    weigh,
)
from evaluators.probes.types import Readings, SignalLimits, SignalName

READINGS = Readings(refusal_gap_ratio=0.8, first_token_kl=0.3, rank_one_energy={"layers.0.o_proj": 0.4})
draw = np.random.default_rng(0)


def test_rank_one_energy_is_that_of_the_product_s_singular_values() -> None:
    a, b = torch.randn(4, 20), torch.randn(30, 4)
    squares = torch.linalg.svdvals(b @ a) ** 2
    assert rank_one_energy(a.numpy(), b.numpy()) == pytest.approx((squares[0] / squares.sum()).item(), rel=1e-5)


def test_an_adapter_of_zeros_has_no_energy_and_one_of_rank_one_has_all_of_it_in_one_direction() -> None:
    assert rank_one_energy(np.ones((4, 20)), np.zeros((30, 4))) == 0.0
    assert rank_one_energy(draw.normal(size=(1, 20)), draw.normal(size=(30, 1))) == pytest.approx(1.0)


def test_first_token_divergence_is_torch_s() -> None:
    base, candidate = torch.randn(7, 50), torch.randn(7, 50)
    expected = torch.nn.functional.kl_div(
        base.log_softmax(-1), candidate.log_softmax(-1), log_target=True, reduction="batchmean"
    )
    assert first_token_kl(base.numpy(), candidate.numpy()) == pytest.approx(expected.item(), rel=1e-5)


def test_a_base_has_a_gap_ratio_of_one_and_diverges_from_itself_by_nothing() -> None:
    harmful, benign = draw.normal(1.0, 1.0, (3, 40, 8)), draw.normal(0.0, 1.0, (3, 40, 8))
    assert refusal_gap_ratio((harmful, benign), (harmful, benign)) == pytest.approx(1.0)
    assert first_token_kl(harmful[0], harmful[0]) == pytest.approx(0.0, abs=1e-12)


def test_gap_ratio_is_the_share_of_the_difference_that_is_left_whatever_is_orthogonal_to_it() -> None:
    benign = np.zeros((2, 5, 3))
    harmful, candidate = benign.copy(), benign.copy()
    harmful[..., 0], candidate[..., 0], candidate[..., 1] = 4.0, 1.0, 9.0
    assert refusal_gap_ratio((harmful, benign), (candidate, benign)) == pytest.approx(0.25)


def test_a_base_that_tells_nothing_apart_has_a_ratio_beyond_any_limit() -> None:
    same = np.ones((2, 5, 3))
    assert refusal_gap_ratio((same, same), (same, same)) == 0.0


def test_tokens_that_tuning_added_are_left_out_of_the_divergence() -> None:
    base = draw.normal(size=(4, 9))
    assert first_token_kl(base, np.hstack([base, np.full((4, 1), 30.0)])) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize(("n_layers", "places"), [(1, [1]), (2, [1]), (4, [2]), (32, list(range(11, 22)))])
def test_gaps_are_read_in_the_middle_third(n_layers: int, places: list[int]) -> None:
    assert list(middle_layers(n_layers)) == places


def test_energy_is_read_where_a_module_writes_to_the_stream() -> None:
    assert mean_energy({"layers.0.q_proj": 0.9, "layers.0.o_proj": 0.2, "layers.0.down_proj": 0.4}) == pytest.approx(
        0.3
    )
    assert mean_energy({"layers.0.q_proj": 0.9}) == 0.9


def test_without_limits_signals_are_shown_and_raise_nothing() -> None:
    assert [(one.name, one.raised) for one in weigh(READINGS, SignalLimits())] == [
        (SignalName.REFUSAL_GAP_RATIO, False),
        (SignalName.FIRST_TOKEN_KL, False),
        (SignalName.RANK_ONE_ENERGY, False),
    ]


def test_signals_beyond_their_limits_or_no_numbers_are_raised() -> None:
    limits = SignalLimits(refusal_gap_ratio=0.9, rank_one_energy=0.3, first_token_kl=0.2)
    assert all(one.raised for one in weigh(READINGS, limits))
    broken = replace(READINGS, refusal_gap_ratio=float("nan"), first_token_kl=float("nan"))
    assert [one.raised for one in weigh(broken, limits)] == [True, True, True]


def test_whole_tunings_have_no_energy() -> None:
    whole = weigh(replace(READINGS, rank_one_energy={}), SignalLimits(rank_one_energy=0.1))
    assert SignalName.RANK_ONE_ENERGY not in {one.name for one in whole}
