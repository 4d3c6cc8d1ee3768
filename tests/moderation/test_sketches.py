from hypothesis import given
from hypothesis import strategies as st

from moderation.sketches import FrequentKeys


class Count:
    n = 0


def filled(keys: list[int], capacity: int) -> FrequentKeys[int, Count]:
    sketch: FrequentKeys[int, Count] = FrequentKeys(capacity, Count)
    for key in keys:
        sketch[key].n += 1
    return sketch


@given(st.lists(st.integers(0, 100), max_size=400), st.integers(1, 20))
def test_memory_is_bounded_and_no_count_is_too_high(keys: list[int], capacity: int) -> None:
    sketch = filled(keys, capacity)
    assert len(sketch) <= 2 * capacity
    assert all(count.n <= keys.count(key) for key, count in sketch.items())


def test_counts_are_exact_until_something_is_dropped() -> None:
    sketch = filled([1, 2, 2, 3, 3, 3], 2)
    assert sketch.floor == 0
    assert {key: count.n for key, count in sketch.items()} == {1: 1, 2: 2, 3: 3}


def test_a_frequent_key_survives_a_flood_of_others() -> None:
    keys = [key for start in range(0, 10_000, 50) for key in (-1, *range(start, start + 50))]
    sketch = filled(keys, 100)
    assert dict(sketch.items())[-1].n == 200
    assert sketch.floor >= 1
