"""Recognising the rows that most chat files are made of, a hundred times faster than reading them.

A row that is recognised is one that `rows.read` has nothing to say about. Any other is left to it,
which alone knows what is wrong and how to say so: nothing is refused here.
"""

from typing import Literal

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

MAX_BLOCK_BYTES = 1 << 20
"""Longer lines are left to those who bound the memory that they take."""


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


_DECODER = Decoder(list[tuple[_Row]])


def n_plain(block: bytes, *, max_messages: int) -> int:
    r"""How many lines a block has, if each is a chat row of plain text that ends with the assistant's turn; else 0.

    Lines end with `\n`, but for the last.
    """
    if len(block) > MAX_BLOCK_BYTES:
        return 0
    # An array with an array for each line: no row goes on in the next line then, and no line is blank; as many rows
    # as lines are one in each.
    arrays = block.replace(b"\n", b"],\n[")
    n_lines = 1 + (len(arrays) - len(block)) // 3
    try:
        lines = _DECODER.decode(b"[[%b]]" % arrays)
    except (MsgspecError, UnicodeDecodeError):
        return 0
    if len(lines) != n_lines:
        return 0
    for (row,) in lines:
        messages = row.messages
        if not 0 < len(messages) <= max_messages or type(messages[-1]) is not _Assistant:
            return 0
    if b"\\" in block and any("\0" in message.content for (row,) in lines for message in row.messages):
        return 0  # a NUL comes escaped only
    return n_lines
