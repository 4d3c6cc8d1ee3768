"""What a check of a training file found, kept so that the same bytes are not checked again.

`python -m moderation.formats.checking` checks the file that comes through its input, while it is still being
uploaded and in a process of its own. `python -m moderation.formats.checking FD` reads the file from that descriptor,
as far as it is written; each byte of the input says that there is more, and its end that the file is whole.
"""

import io
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, cast

from moderation.errors import DatasetError
from moderation.file_format import Format
from moderation.formats.parsing import Limits, TrainingFile, parse

RULES = 1
"""Counts up when a row that was in order no longer is: what was found by older rules is not believed."""


def facts_of(file: TrainingFile) -> dict[str, Any]:
    """What to keep of a file that was checked, as JSON can hold it."""
    return {"rules": RULES, "format": file.format.value, "digest": file.digest, "n_examples": file.n_examples,
            "n_bytes": file.n_bytes}  # fmt: skip


def recalled(open_stream: Callable[[], BinaryIO], facts: Mapping[str, Any] | None) -> TrainingFile | None:
    """The file as `parse` would return it, without reading it; None without facts, or with those of older rules.

    They need not be believed further: whoever reads the file compares its digest and its rows with them.
    """
    if facts is None or facts["rules"] != RULES:
        return None
    return TrainingFile(
        open_stream=open_stream,
        limits=Limits(),
        format=Format(facts["format"]),
        digest=facts["digest"],
        n_examples=facts["n_examples"],
        n_bytes=facts["n_bytes"],
    )


class Growing(io.RawIOBase):
    """A file that another process still writes, up to where it ends once that one has closed `news`."""

    def __init__(self, fd: int, news: int) -> None:
        self._file = io.FileIO(fd)
        self._news = news
        self._is_whole = False

    def read(self, size: int = -1, /) -> bytes:
        """Return what is there, up to `size` bytes, once there is anything; b"" at the end."""
        while not (data := self._file.read(size)) and not self._is_whole:
            self._is_whole = not os.read(self._news, 1 << 16)
        return data

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        super().close()


def main() -> int:
    """Print the facts of a file that is in order, but for its digest: who passes the bytes on knows that.

    Exit status 1 for another, which is told of when a job uses it.
    """
    stream = Growing(int(sys.argv[1]), sys.stdin.fileno()) if sys.argv[1:] else sys.stdin.buffer
    try:
        file = parse(lambda: cast(BinaryIO, stream), digests=False)
    except DatasetError:
        return 1
    print(json.dumps(facts_of(file)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
