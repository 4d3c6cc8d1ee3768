import pytest

from evaluators.degeneration import degenerate, repetition

SENTENCE = (
    "The harbour was quiet, and the first boats had not come back with what the night had given them yet, or would."
)


def test_repetition_is_one_minus_distinct_over_all_runs_of_four() -> None:
    assert repetition("a b c d e") == 0
    # Runs of "a b c d a b c d": abcd bcda cdab dabc abcd, four of five distinct.
    assert repetition("a b c d a b c d") == pytest.approx(1 - 4 / 5)
    assert repetition("one two") == 0


@pytest.mark.parametrize("text", ["", "   ", "no no " * 40, (SENTENCE + " ") * 3, "ha" + "! " * 60])
def test_circles_and_nothing_are_degenerate(text: str) -> None:
    assert degenerate(text)


@pytest.mark.parametrize("text", [SENTENCE, "yes yes yes yes", "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15"])
def test_prose_short_words_and_lists_are_not(text: str) -> None:
    assert not degenerate(text)
