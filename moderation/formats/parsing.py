"""From untrusted bytes to a `Dataset`, as a stream: memory does not grow with the file."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import orjson

from moderation.errors import DatasetError, Problem, SealBroken
from moderation.file_format import Format, recognise
from moderation.formats.complaints import Complaints
from moderation.formats.limits import Limits
from moderation.formats.lines import LineReader, lines_of
from moderation.formats.plain_rows import n_plain
from moderation.formats.rows import Rows, read
from moderation.formats.serialising import make_example
from moderation.types import Example

__all__ = ["Limits", "TrainingFile", "parse"]

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BINARY = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "a zip archive", b"PAR1": "Parquet"}
_STRUCTURE = (b"{", b"[", b",")
_CHECK_STRUCTURE_ABOVE_BYTES = 1 << 20
_HALF = re.compile(rb"\\ud[89a-f]", re.IGNORECASE)
_ESCAPE = re.compile(rb"\\(?:ud[89ab]..\\ud[c-f]..|(?P<half>ud[89a-f]..)|.)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFile:
    """A training file that parsed. `open_stream` must yield the same bytes each time it is called."""

    open_stream: Callable[[], BinaryIO]
    limits: Limits
    format: Format
    digest: str
    n_examples: int
    n_bytes: int

    def iter_examples(self) -> Iterator[Example]:
        """Read the file again from its start, one example at a time: two for a preference row.

        Raises SealBroken when the bytes are not those that were parsed: what was checked, screened
        and trained on is one file.
        """
        n_examples = 0
        rows_of = _RowReader(self.limits, self.format)
        with self.open_stream() as stream:
            reader = LineReader(stream, max_line_bytes=self.limits.max_line_bytes)
            for number, line in reader:
                rows = rows_of(number, line)
                if isinstance(rows, _BadLine):
                    break
                n_examples += bool(rows)
                for row in rows:
                    yield make_example(
                        row.messages, line=number, tools=row.tools, format=self.format, rejected=row.rejected
                    )
            if reader.digest != self.digest or n_examples != self.n_examples:
                raise SealBroken(f"the training file changed after it was checked (line {number}); upload it again")


def parse(open_stream: Callable[[], BinaryIO], *, limits: Limits | None = None, digests: bool = True) -> TrainingFile:
    """Check every line of a JSONL training file in one pass and return a reference to it.

    The first row that has the keys of a format says which one the file is in. Raises DatasetError
    with all problems by line number. Blank lines are skipped, a byte-order
    mark and CRLF line ends are accepted, a key that is given twice counts with its last value.
    Where another digests the same bytes, `digests=False` leaves the digest empty: nobody reads such a file again.
    """
    limits = limits or Limits()
    tally = _Tally(limits)
    with open_stream() as stream:
        reader = LineReader(stream, max_line_bytes=limits.max_line_bytes, digests=digests)
        for block in reader.blocks():
            tally.count(block)
    return TrainingFile(
        open_stream=open_stream,
        limits=limits,
        format=tally.checked_format(),
        digest=reader.digest,
        n_examples=tally.n_examples,
        n_bytes=reader.n_bytes,
    )


class _Tally:
    """Counts the rows of a file and collects what is wrong with them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rows_of = _RowReader(limits)
        self._found: list[Problem] = []
        self._n_lines = self._n_problems = self._n_bad = self._n_objects = 0
        self.n_examples = 0

    def count(self, block: bytes | None) -> None:
        """Count lines and their problems: many at a glance, and one by one where a block holds any other row."""
        if not self._plain(block):
            for line in lines_of(block):
                if not self._plain(line):
                    self._n_lines += 1
                    self._read(self._n_lines, line)

    def _plain(self, block: bytes | None) -> bool:
        """Count the lines of a block all of whose rows are in order at a glance; else nothing."""
        if block is None or self._rows_of.format is not Format.CHAT:
            return False
        n = n_plain(block, max_messages=self._limits.max_messages)
        self._n_lines += n
        self.n_examples += n
        return n > 0

    def _read(self, number: int, line: bytes | None) -> None:
        """Count a line's example or problems."""
        rows = self._rows_of(number, line)
        if isinstance(rows, _BadLine):
            self._n_bad += 1
            self._n_objects += rows.is_object
            self._n_problems += len(rows.problems)
            room = self._limits.max_problems - len(self._found)
            self._found += [Problem(line=number, message=problem) for problem in rows.problems[:room]]
        elif rows:
            self.n_examples += 1

    def checked_format(self) -> Format:
        """The format of a file that was read whole. Raises DatasetError with everything that is wrong with it."""
        if not self.n_examples and not self._n_bad:
            raise DatasetError("invalid_training_file", [Problem(line=0, message="Training file is empty")])
        if self._n_problems:
            code = "invalid_training_file" if self.n_examples or self._n_objects else "invalid_file_format"
            raise DatasetError(code, self._found, n_problems=self._n_problems)
        n, least = self.n_examples, self._limits.min_examples
        if n < least:
            sentence = f"Training file has {n} example(s), but must have at least {least} examples"
            raise DatasetError("invalid_n_examples", [Problem(line=0, message=sentence)])
        return self._rows_of.format or Format.CHAT


@dataclass(frozen=True, slots=True, kw_only=True)
class _BadLine:
    """What is wrong with a line; `is_object` says that it is at least a JSON object."""

    problems: tuple[str, ...]
    is_object: bool = False


class _RowReader:
    """Reads one line after the other; the first row of a known format decides the file's `format`."""

    def __init__(self, limits: Limits, format_: Format | None = None) -> None:
        self._limits = limits
        self.format = format_

    def __call__(self, number: int, line: bytes | None) -> Rows | _BadLine:
        """Return the conversations in a line, what is wrong with it, or () for a blank line."""
        limits = self._limits
        if line is None:
            return _BadLine(problems=(f"is longer than {limits.max_line_bytes} bytes; split or shorten the example",))
        if number == 1:
            line = line.removeprefix(_BOM)
            foreign = _foreign_format(line)
            if foreign is not None:
                return _BadLine(problems=(foreign,))
        if not line or line.isspace():
            return ()
        # Text rarely reaches this; a million empty parts would cost a hundred times their bytes in memory.
        if len(line) > _CHECK_STRUCTURE_ABOVE_BYTES and sum(map(line.count, _STRUCTURE)) > limits.max_structure:
            return _BadLine(problems=(f"has more than {limits.max_structure} braces, brackets and commas; split it",))
        try:
            value = _loads(line)
        except orjson.JSONDecodeError as exc:
            return _BadLine(problems=(_not_json(line, exc),))
        if self.format is None:
            self.format = recognise(value)
        complaints = Complaints(limits)
        rows = read(value, self.format or Format.CHAT, complaints)
        return rows or _BadLine(problems=tuple(complaints.problems), is_object=isinstance(value, dict))


def _loads(line: bytes) -> object:
    """Parse a line. Half of a surrogate pair, which no UTF-8 text can hold, becomes U+FFFD and is screened as that."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        if not _HALF.search(line):
            raise
        return orjson.loads(_ESCAPE.sub(_whole, line))


def _whole(escape: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if escape["half"] else escape[0]


def _foreign_format(line: bytes) -> str | None:
    if line.startswith(_UTF16):
        return "is UTF-16 text; save the file as UTF-8"
    name = next((name for magic, name in _BINARY.items() if line.startswith(magic)), None)
    return f"begins a file that is {name}; upload plain JSONL text" if name else None


def _not_json(line: bytes, exc: orjson.JSONDecodeError) -> str:
    if b"\0" in line:
        return "holds a NUL byte; the file must be plain UTF-8 text"
    try:
        line.decode()
    except UnicodeDecodeError as bad:
        return f"is not valid UTF-8 at byte {bad.start + 1} of the line; save the file as UTF-8"
    reason = str(exc).partition(": line ")[0]
    return f"is not valid JSON at character {exc.pos + 1} ({reason}); expected one JSON object a line (JSONL)"
