"""Splitting an untrusted byte stream into lines in bounded memory."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
"""How much is asked of the stream at a time."""


class LineReader:
    """Reads a stream once, from where it stands to its end, and digests the raw bytes on the way.

    `digest` and `n_bytes` are final when the iteration has ended.
    """

    def __init__(self, stream: BinaryIO, *, max_line_bytes: int) -> None:
        self._stream = stream
        self._max_line_bytes = max_line_bytes
        self._hash = hashlib.sha256()
        self.n_bytes = 0

    @property
    def digest(self) -> str:
        """`sha256:` and the hex digest of the bytes read so far."""
        return f"sha256:{self._hash.hexdigest()}"

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        r"""Yield (1-based number, line without its `\n`); None stands for a line over the limit.

        A line over the limit is never held: its bytes are digested and dropped.
        """
        for first, lines in self.blocks():
            yield from enumerate(lines, first)

    def blocks(self) -> Iterator[tuple[int, Sequence[bytes | None]]]:
        """Yield the same lines, many at a time, each time with the number of the first."""
        number = 1
        pending: list[bytes] = []
        n_pending = 0
        for chunk in self._chunks():
            head, *rest = chunk.split(b"\n")
            n_pending += len(head)
            if n_pending <= self._max_line_bytes:
                pending.append(head)
            else:
                pending.clear()
            if rest:
                last = rest.pop()
                yield number, [self._joined(pending, n_pending), *map(self._within, rest)]
                number += 1 + len(rest)
                n_pending = len(last)
                pending = [last] if n_pending <= self._max_line_bytes else []
        if n_pending:
            yield number, [self._joined(pending, n_pending)]

    def _joined(self, parts: Sequence[bytes], n_bytes: int) -> bytes | None:
        return b"".join(parts) if n_bytes <= self._max_line_bytes else None

    def _within(self, line: bytes) -> bytes | None:
        return line if len(line) <= self._max_line_bytes else None

    def _chunks(self) -> Iterator[bytes]:
        # Digesting lets other threads run: beside the parsing of the same bytes it costs no time where a core is free.
        with ThreadPoolExecutor(max_workers=1) as beside:
            digested = beside.submit(self._hash.update, b"")
            while chunk := self._stream.read(CHUNK_BYTES):
                self.n_bytes += len(chunk)
                digested.result()
                digested = beside.submit(self._hash.update, chunk)
                yield chunk
