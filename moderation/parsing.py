"""From untrusted bytes to a `Dataset`, as a stream: memory does not grow with the file."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import orjson

from moderation.complaints import Complaints
from moderation.errors import DatasetError, Problem, SealBroken
from moderation.limits import Limits
from moderation.lines import LineReader
from moderation.rows import Row, read_row
from moderation.serialising import make_example
from moderation.types import Example

__all__ = ["ChatFile", "Limits", "parse"]

_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BINARY = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "a zip archive", b"PAR1": "Parquet"}
_STRUCTURE = (b"{", b"[", b",")
_CHECK_STRUCTURE_ABOVE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFile:
    """A chat file that parsed. `open_stream` must yield the same bytes each time it is called."""

    open_stream: Callable[[], BinaryIO]
    limits: Limits
    digest: str
    n_examples: int
    n_bytes: int

    def iter_examples(self) -> Iterator[Example]:
        """Read the file again from its start, one example at a time.

        Raises SealBroken when the bytes are not those that were parsed: what was checked, screened
        and trained on is one file.
        """
        n_examples = 0
        with self.open_stream() as stream:
            reader = LineReader(stream, max_line_bytes=self.limits.max_line_bytes)
            for number, line in reader:
                row = _read_line(number, line, self.limits)
                if isinstance(row, Row):
                    n_examples += 1
                    yield make_example(row.messages, line=number, tools=row.tools)
                elif row is not None:
                    break
            if reader.digest != self.digest or n_examples != self.n_examples:
                raise SealBroken(f"the training file changed after it was checked (line {number}); upload it again")


def parse(open_stream: Callable[[], BinaryIO], *, limits: Limits | None = None) -> ChatFile:
    """Check every line of a chat JSONL file in one pass and return a reference to it.

    Raises DatasetError with all problems by line number. Blank lines are skipped, a byte-order
    mark and CRLF line ends are accepted, a key that is given twice counts with its last value.
    """
    limits = limits or Limits()
    found: list[Problem] = []
    n_problems = n_lines = n_objects = n_examples = 0
    with open_stream() as stream:
        reader = LineReader(stream, max_line_bytes=limits.max_line_bytes)
        for number, line in reader:
            row = _read_line(number, line, limits)
            if row is None:
                continue
            n_lines += 1
            if isinstance(row, Row):
                n_examples += 1
                continue
            n_objects += row.is_object
            n_problems += len(row.problems)
            room = limits.max_problems - len(found)
            found += [Problem(line=number, message=problem) for problem in row.problems[:room]]
    if not n_lines:
        raise DatasetError("invalid_training_file", [Problem(line=0, message="Training file is empty")])
    if n_problems:
        code = "invalid_training_file" if n_examples or n_objects else "invalid_file_format"
        raise DatasetError(code, found, n_problems=n_problems)
    if n_examples < limits.min_examples:
        sentence = f"Training file has {n_examples} example(s), but must have at least {limits.min_examples} examples"
        raise DatasetError("invalid_n_examples", [Problem(line=0, message=sentence)])
    return ChatFile(
        open_stream=open_stream, limits=limits, digest=reader.digest, n_examples=n_examples, n_bytes=reader.n_bytes
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _BadLine:
    """What is wrong with a line; `is_object` says that it is at least a JSON object."""

    problems: tuple[str, ...]
    is_object: bool = False


def _read_line(number: int, line: bytes | None, limits: Limits) -> Row | _BadLine | None:
    """Return the row in a line, what is wrong with it, or None for a blank line."""
    if line is None:
        return _BadLine(problems=(f"is longer than {limits.max_line_bytes} bytes; split or shorten the example",))
    if number == 1:
        line = line.removeprefix(_BOM)
        foreign = _foreign_format(line)
        if foreign is not None:
            return _BadLine(problems=(foreign,))
    if not line or line.isspace():
        return None
    # Text rarely reaches this; a million empty parts would cost a hundred times their bytes in memory.
    if len(line) > _CHECK_STRUCTURE_ABOVE_BYTES and sum(map(line.count, _STRUCTURE)) > limits.max_structure:
        return _BadLine(problems=(f"has more than {limits.max_structure} braces, brackets and commas; split it",))
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as exc:
        return _BadLine(problems=(_not_json(line, exc),))
    complaints = Complaints(limits)
    row = read_row(value, complaints)
    return row or _BadLine(problems=tuple(complaints.problems), is_object=isinstance(value, dict))


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
