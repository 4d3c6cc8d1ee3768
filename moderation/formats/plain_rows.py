"""Recognising the rows that most chat files are made of, a hundred times faster than reading them.

A row that is recognised is one that `rows.read` has nothing to say about. Any other is left to it,
which alone knows what is wrong and how to say so: nothing is refused here.
"""

from collections.abc import Sequence
from typing import Literal

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

MAX_LINE_BYTES = 1 << 20
"""A longer line is left to those who bound the memory that it takes."""


class _System(Struct, forbid_unknown_fields=True, gc=False, tag_field="role", tag="system"):
    content: str


class _Developer(Struct, forbid_unknown_fields=True, gc=False, tag_field="role", tag="developer"):
    content: str


class _User(Struct, forbid_unknown_fields=True, gc=False, tag_field="role", tag="user"):
    content: str


class _Assistant(Struct, forbid_unknown_fields=True, gc=False, tag_field="role", tag="assistant"):
    content: str
    weight: Literal[0, 1] | None = None


class _Row(Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_System | _Developer | _User | _Assistant]


_DECODER = Decoder(_Row)


def not_plain(lines: Sequence[bytes | None], *, max_messages: int) -> Sequence[int]:
    """Return which of these lines are anything but a chat row of plain text that ends with the assistant's turn."""
    decode = _DECODER.decode
    found: list[int] = []
    for place, line in enumerate(lines):
        if line is None or len(line) > MAX_LINE_BYTES:
            found.append(place)
            continue
        try:
            messages = decode(line).messages
        except (MsgspecError, UnicodeDecodeError):
            found.append(place)
            continue
        plain = 0 < len(messages) <= max_messages and type(messages[-1]) is _Assistant
        if plain and b"\\" in line:  # a NUL comes escaped only
            plain = not any("\0" in message.content for message in messages)
        if not plain:
            found.append(place)
    return found
