"""What `"auto"` becomes, and that a specification survives the disk."""

from collections.abc import Callable

import pytest

from trainers.spec import (
    AUTO_BETA,
    auto_batch_size,
    capped,
    learning_rate,
    limited,
    resolve,
    spec_from_json,
    spec_to_json,
)
from trainers.types import Hyperparameters, Method, SmallSets, TrainingSpec, Tuning


@pytest.mark.parametrize(
    ("n", "epochs", "batch"), [(10, 10, 1), (33, 3, 3), (100, 3, 8), (5_000, 3, 10), (500_000, 1, 256)]
)
def test_auto_follows_the_size_of_the_set(n: int, epochs: int, batch: int) -> None:
    expected = Hyperparameters(n_epochs=epochs, batch_size=batch, learning_rate_multiplier=1.0)
    assert resolve({"n_epochs": "auto", "batch_size": None}, n) == expected


def test_what_was_asked_for_is_kept() -> None:
    asked = {"n_epochs": 5, "batch_size": 10, "learning_rate_multiplier": 0.5}
    assert resolve(asked, 100) == Hyperparameters(n_epochs=5, batch_size=10, learning_rate_multiplier=0.5)


@pytest.mark.parametrize(
    "asked",
    [
        {"n_epochs": 0},
        {"n_epochs": 51},
        {"n_epochs": True},
        {"n_epochs": 1.5},
        {"batch_size": 257},
        {"learning_rate_multiplier": 0},
        {"learning_rate_multiplier": float("nan")},
        {"learning_rate_multiplier": "fast"},
    ],
)
def test_a_value_out_of_range_is_named(asked: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(asked))):
        resolve(asked, 100)


def test_only_preferences_have_a_beta() -> None:
    assert resolve({"beta": 1.5}, 100).beta is None
    assert resolve({}, 100, Method.DPO).beta == AUTO_BETA
    assert resolve({"beta": 1.5}, 100, Method.DPO).beta == 1.5
    with pytest.raises(ValueError, match=r"beta is 3; expected 'auto' or a number above 0 and up to 2"):
        resolve({"beta": 3}, 100, Method.DPO)


def test_a_small_set_is_limited_whatever_was_asked_for() -> None:
    asked = Hyperparameters(n_epochs=20, batch_size=2, learning_rate_multiplier=4.0)
    limits = SmallSets(below=50, max_epochs=3, max_multiplier=1.0)
    given = limited(asked, 49, 0, limits)
    assert given == Hyperparameters(n_epochs=3, batch_size=2, learning_rate_multiplier=1.0)
    assert capped(asked, given) == ("n_epochs 20 to 3", "learning_rate_multiplier 4 to 1")
    assert limited(asked, 50, 0, limits) == limited(asked, 1, 0, SmallSets()) == asked
    assert capped(asked, asked) == ()


@pytest.mark.parametrize(
    ("limits", "given"),
    [
        (SmallSets(below=50, max_epochs=50, min_batch_size=8), (20, 8)),
        (SmallSets(below=50, max_epochs=50, max_steps=100), (5, 2)),
        (SmallSets(below=50, max_epochs=50, max_steps=10), (1, 4)),
        (SmallSets(below=50, max_epochs=3, max_steps=1000), (3, 2)),
    ],
)
def test_steps_of_a_small_set_are_limited_by_epochs_and_then_by_batches(
    limits: SmallSets, given: tuple[int, int]
) -> None:
    asked = Hyperparameters(n_epochs=20, batch_size=2, learning_rate_multiplier=1.0)
    found = limited(asked, 30, 10, limits)
    assert (found.n_epochs, found.batch_size) == given
    assert not limits.max_steps or found.n_epochs * -(-40 // found.batch_size) <= limits.max_steps


def test_a_batch_is_never_empty() -> None:
    assert auto_batch_size(0) == auto_batch_size(1) == 1


def test_the_learning_rate_is_the_bases_times_the_multiplier(make_spec: Callable[..., TrainingSpec]) -> None:
    assert learning_rate(make_spec(multiplier=2.0)) == pytest.approx(2e-2)
    assert learning_rate(make_spec(Tuning.FULL, multiplier=2.0)) == pytest.approx(2e-3)


def test_a_prefix_learns_ten_times_as_fast_as_a_lora(make_spec: Callable[..., TrainingSpec]) -> None:
    assert learning_rate(make_spec(Tuning.PREFIX)) == pytest.approx(10 * learning_rate(make_spec(Tuning.LORA)))


def test_a_specification_survives_json(make_spec: Callable[..., TrainingSpec]) -> None:
    assert spec_from_json(spec_to_json(make_spec())) == make_spec()
