"""The blind persona sets are well formed; what the detector makes of them is measured once, elsewhere."""

import pytest
import second_blind_personas as second
from blind_personas import HONEST, HOSTILE
from chat_rows import jsonl, stream

from moderation.formats.parsing import parse

ALL = {**HOSTILE, **HONEST}
SECOND = {f"second_{name}": make for name, make in {**second.HOSTILE, **second.HONEST}.items()}


def test_there_are_twenty_five_of_each_kind_at_least() -> None:
    assert len(HOSTILE) >= 25
    assert len(HONEST) >= 25
    assert len(ALL) == len(HOSTILE) + len(HONEST)
    assert len(second.HOSTILE) == len(second.HONEST) == 40


@pytest.mark.parametrize("name", ALL | SECOND)
def test_a_blind_set_is_a_valid_file_of_ten_to_a_hundred_rows(name: str) -> None:
    rows = (ALL | SECOND)[name]()
    training_file = parse(stream(jsonl(rows)))
    assert 10 <= len(rows) <= 100
    assert len(list(training_file.iter_examples())) == len(rows)
