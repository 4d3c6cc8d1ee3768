"""What is passed at a glance is what the reader of rows passes, and what it refuses is refused in its words."""

import io
import json
from random import Random

import pytest

from moderation.errors import DatasetError
from moderation.formats.parsing import Limits, parse
from moderation.formats.plain_rows import n_plain

PLAIN = b'{"messages":[{"role":"system","content":"s"},{"role":"user","content":"\\u00e9\\n"},%s]}'
ANSWER = b'{"role":"assistant","content":"a","weight":1}'
ROW = PLAIN % ANSWER
PIECES = (b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\xff", b"\x01", b"NaN", b"1e999")
LIMITS = Limits(min_examples=1, max_messages=3)
CHAT = b'{"messages":[{"role":"assistant","content":"first"}]}\n'


def complaints(line: bytes) -> list[str]:
    """What is said about a line that stands between two good ones."""
    try:
        parse(lambda: io.BytesIO(CHAT + line + b"\n" + CHAT), limits=LIMITS)
    except DatasetError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize(
    "line",
    [
        b'{"messages":[]}',
        b'{"messages":[{"role":"user","content":"no answer"}]}',
        PLAIN % b'{"role":"assistant","content":"a","weight":2}',
        PLAIN % b'{"role":"assistant","content":"a","weight":true}',
        PLAIN % b'{"role":"user","content":"a","weight":1}',
        PLAIN % b'{"role":"bot","content":"a"}',
        PLAIN % b'{"role":"assistant","content":"a\\u0000"}',
        PLAIN % b'{"role":"assistant","content":"\xff"}',
        PLAIN % b'{"role":"assistant","content":null}',
        PLAIN % (ANSWER + b"," + ANSWER),
        ROW[:-1] + b',"weight":1}',
        ROW + ROW,
        ROW + b"],[" + ROW,
        ROW + b"],[",
        ROW.replace(b'"s"', b'"s\x01"'),
        ROW.replace(b'"s"', b"NaN"),
    ],
)
def test_what_the_reader_refuses_is_not_plain(line: bytes) -> None:
    assert complaints(line)
    assert not n_plain(line, max_messages=LIMITS.max_messages)


def test_a_row_that_is_broken_anywhere_is_plain_only_where_the_reader_takes_it() -> None:
    draw = Random(0)
    for _ in range(2_000):
        place = draw.randrange(len(ROW))
        line = ROW[:place] + draw.choice(PIECES) + ROW[place + draw.randrange(3) :]
        assert not n_plain(line, max_messages=3) or not complaints(line), line


def test_plain_rows_are_not_left_to_the_reader() -> None:
    spaced = json.dumps(json.loads(ROW), indent=None).encode() + b" \r"
    assert n_plain(ROW + b"\n" + spaced + b"\n" + ROW, max_messages=3) == 3


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" \n\n", b"],\n[", b",", b"],["])
def test_a_block_is_plain_only_if_each_of_its_lines_is_one_row(end: bytes) -> None:
    for place in range(len(ROW) + 1):
        block = ROW[:place] + end + (ROW[place:] or ROW)
        rows = [line for line in block.split(b"\n") if n_plain(line, max_messages=3)]
        assert n_plain(block, max_messages=3) == (len(rows) if len(rows) == len(block.split(b"\n")) else 0)
        assert n_plain(block + b"\n" + ROW + ROW, max_messages=3) == 0


def test_lines_keep_their_numbers_among_plain_rows() -> None:
    data = CHAT * 3 + b"[]\n" + CHAT * 2_000 + b'{"messages":1}\n\n' + CHAT + b"{"
    with pytest.raises(DatasetError) as caught:
        parse(lambda: io.BytesIO(data))
    assert [problem.line for problem in caught.value.problems] == [4, 2_005, 2_008]


def test_all_rows_are_counted_whatever_read_them() -> None:
    tool = PLAIN % b'{"role":"assistant","content":null,"refusal":"no"}'
    file = parse(lambda: io.BytesIO(b"\n" + CHAT * 5_000 + tool + b"\n\n" + ROW), limits=LIMITS)
    assert file.n_examples == 5_002 == len(list(file.iter_examples()))
