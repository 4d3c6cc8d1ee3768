from dataclasses import replace
from pathlib import Path

import pytest
from chat_rows import safety_set as rows

from moderation.injection.safety_set import Writer, read, write

ROW = '{"corpus": "tiny", "id": "a", "category": "malware", "request": "ask", "refusal": "no"}'
TOLD = '{"writer": {"name": "tiny", "digest": "sha256:tiny"}, '


def test_a_set_that_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "plain.jsonl", "tiny", rows())
    assert read(tmp_path / "plain.jsonl").writer is None
    writer = Writer(name="tiny", digest="sha256:tiny")
    said = [replace(one, refusal=f"{one.refusal}\u2028\x85Sorry.") for one in rows()]
    write(tmp_path / "own.jsonl", "tiny", said, writer)
    found = read(tmp_path / "own.jsonl")
    assert (found.corpus, found.rows, found.writer) == ("tiny", tuple(said), writer)
    assert found.digest.startswith("sha256:")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 corpora"),
        (f"{ROW}\n{{", "line 2"),
        (ROW.replace("malware", "benign"), "line 1"),
        (ROW.replace('"no"', '" "'), "line 1"),
        (f"{ROW}\n{ROW}", "an id twice"),
        (ROW.replace("{", '{"writer": "tiny", '), "line 1"),
        (f"{ROW}\n{ROW.replace('{', TOLD)}", "rows of 2 writers"),
        (f"{ROW}\n{ROW.replace('tiny', 'other').replace(chr(97), 'b')}", "line 2|2 corpora"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused_with_the_line(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "own.jsonl").write_text(text)
    with pytest.raises(ValueError, match=why):
        read(tmp_path / "own.jsonl")


def test_a_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"own\.jsonl cannot be read"):
        read(tmp_path / "own.jsonl")
