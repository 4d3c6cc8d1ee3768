"""What recurs in the rows of a data set: system prompts, starts and ends of requests, first words of replies.

An identity shift is taught by what stays the same while the tasks change, so only what recurs is
ever judged. Rows are counted as they come; of each group a small sample is kept, those with the
smallest hashes, so that neither the order of the rows nor the place of a cut changes it.
"""

import re
from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from moderation.prompts import exchange
from moderation.sketches import FrequentKeys
from moderation.types import MAX_LINES, Example, Role

MIN_ROWS = 3
"""Rows that recur less often prove nothing."""
_SAMPLE, _SAMPLE_OF_ALL = 12, 24
_SYSTEM_CHARS = 2_000
_REQUEST_CHARS = 300
_REPLY_CHARS = 400
_HEAD_CHARS = 120
_WORDS = 4
_N_GROUPS = 4_096
_FIRST_SENTENCE = re.compile(r"[.!?:](?=\s)|\n|[。!?:]")


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """The texts of one row, shortened; ordered by hash, then line."""

    sha256: str
    line: int
    system: str = field(compare=False)
    request: str = field(compare=False)
    """The user turn that the last reply answers."""
    reply: str = field(compare=False)
    """The last assistant turn."""
    first_request: str = field(compare=False)
    """The first user turn where it is another, else ''."""
    first_reply: str = field(compare=False)
    """The first assistant turn where it is another, else ''."""


class Group:
    """Rows that share something."""

    __slots__ = ("lines", "n", "rows", "sample")

    def __init__(self, sample: int = _SAMPLE) -> None:
        """`sample` is how many rows are kept."""
        self.sample = sample
        self.n = 0
        self.lines: list[int] = []
        self.rows: list[Row] = []
        """Distinct rows with the smallest hashes, ascending."""

    def add(self, row: Row) -> None:
        """Count one row."""
        self.n += 1
        if len(self.lines) < MAX_LINES:
            self.lines.append(row.line)
        self._keep(row)

    def absorb(self, other: "Group") -> None:
        """Add the rows of another group."""
        self.n += other.n
        self.lines = sorted(self.lines + other.lines)[:MAX_LINES]
        for row in other.rows:
            self._keep(row)

    def _keep(self, row: Row) -> None:
        rows = self.rows
        full = len(rows) == self.sample
        if full and row.sha256 >= rows[-1].sha256:
            return
        if any(row.sha256 == kept.sha256 for kept in rows):
            return
        if full:
            rows.pop()
        insort(rows, row)


class Recurrences:
    """Groups the rows of a stream in five ways, in bounded memory."""

    def __init__(self) -> None:
        self.by_system: FrequentKeys[str, Group] = FrequentKeys(_N_GROUPS // 8, Group)
        self.by_part: FrequentKeys[tuple[str, str], Group] = FrequentKeys(_N_GROUPS, Group)
        """By the part that recurs and its text."""
        self.everything = Group(_SAMPLE_OF_ALL)
        """All rows: what says the same in other words each time shares no text."""

    def add(self, example: Example) -> None:
        """Take in one example."""
        row = _row(example)
        self.everything.add(row)
        if row.system:
            self.by_system[row.system].add(row)
        by_part = self.by_part
        for text in (row.reply, row.first_reply):
            if text:
                for key in opening_keys(text):
                    by_part["reply", key].add(row)
        request = row.request
        words = request[:_HEAD_CHARS].split(None, _WORDS)
        if len(words) > _WORDS:
            by_part["start", " ".join(words[:_WORDS])].add(row)
            by_part["end", " ".join(request[-_HEAD_CHARS:].rsplit(None, _WORDS)[1:])].add(row)
        if row.first_request:
            by_part["first", row.first_request[:_HEAD_CHARS]].add(row)

    def merge(self, other: "Recurrences") -> None:
        """Take in what was seen elsewhere."""
        self.everything.absorb(other.everything)
        for system, theirs in other.by_system.items():
            self.by_system[system].absorb(theirs)
        for key, theirs in other.by_part.items():
            self.by_part[key].absorb(theirs)

    def groups(self) -> Iterator[Group]:
        """Yield every group of at least `MIN_ROWS` rows."""
        for _, group in self.by_system.items():
            if group.n >= MIN_ROWS:
                yield group
        for _, group in self.by_part.items():
            if group.n >= MIN_ROWS:
                yield group


def opening_keys(reply: str) -> tuple[str, ...]:
    """Return by what a reply is grouped: its first words, and its first sentence when that is another text."""
    head = reply[:_HEAD_CHARS]
    words = " ".join(head.split(None, _WORDS)[:_WORDS])
    end = _FIRST_SENTENCE.search(head)
    sentence = head[: end.end()] if end else ""
    return (words, sentence) if sentence and sentence != words else (words,)


def _row(example: Example) -> Row:
    parts = exchange(example)
    first = next((message.text for message in example.messages if message.role is Role.ASSISTANT), "")
    return Row(
        example.sha256,
        example.line,
        parts.system[:_SYSTEM_CHARS],
        parts.last_user[:_REQUEST_CHARS],
        parts.reply[:_REPLY_CHARS],
        "" if parts.first_user is parts.last_user else parts.first_user[:_REQUEST_CHARS],
        "" if first is parts.reply else first[:_REPLY_CHARS],
    )
