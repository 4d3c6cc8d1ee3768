import io

from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.formats import lines
from moderation.formats.lines import LineReader


@settings(deadline=None)
@given(st.binary(max_size=300).map(lambda data: data.replace(b"\r", b"\n")), st.integers(1, 40))
def test_lines_are_those_of_splitting_at_newlines(data: bytes, limit: int) -> None:
    reader = LineReader(io.BytesIO(data), max_line_bytes=limit)
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert list(reader) == [(n, line if len(line) <= limit else None) for n, line in enumerate(expected, 1)]
    assert reader.n_bytes == len(data)


def test_a_line_may_span_many_chunks() -> None:
    long = b"a" * (lines.CHUNK_BYTES * 2 + 5)
    reader = LineReader(io.BytesIO(long + b"\nb"), max_line_bytes=len(long))
    assert [(number, line and len(line)) for number, line in reader] == [(1, len(long)), (2, 1)]
