"""Splitting an untrusted byte stream into lines in bounded memory."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
"""How much is asked of the stream at a time."""
BLOCK_BYTES = 1 << 16
"""Lines that are looked at together: what is made of them stays in the processor's cache."""


class LineReader:
    """Reads a stream once, from where it stands to its end, and digests the raw bytes on the way.

    `digest` and `n_bytes` are final when the iteration has ended. Where another digests the same bytes,
    `digests=False` spares it, and `digest` means nothing.
    """

    def __init__(self, stream: BinaryIO, *, max_line_bytes: int, digests: bool = True) -> None:
        self._stream = stream
        self._max_line_bytes = max_line_bytes
        self._hash = hashlib.sha256() if digests else None
        self.n_bytes = 0

    @property
    def digest(self) -> str:
        """`sha256:` and the hex digest of the bytes read so far."""
        return f"sha256:{self._hash.hexdigest()}" if self._hash else ""

    def __iter__(self) -> Iterator[tuple[int, bytes | None]]:
        r"""Yield (1-based number, line without its `\n`); None stands for a line over the limit.

        A line over the limit is never held: its bytes are digested and dropped.
        """
        number = 1
        for block in self.blocks():
            lines = lines_of(block)
            yield from enumerate(lines, number)
            number += len(lines)

    def blocks(self) -> Iterator[bytes | None]:
        r"""Yield the same lines, a few at a time: each block is of whole lines, without the last `\n`."""
        size = min(BLOCK_BYTES, self._max_line_bytes)  # no line of such a block is over the limit
        pending: list[bytes] = []
        n_pending = 0
        for chunk in self._chunks():
            begin = 0
            while (end := _end_of_block(chunk, begin, 0 if n_pending else size)) >= 0:
                yield self._joined([*pending, chunk[begin:end]], n_pending + end - begin)
                pending, n_pending, begin = [], 0, end + 1
            n_pending += len(chunk) - begin
            pending = [*pending, chunk[begin:]] if n_pending <= self._max_line_bytes else []
        if n_pending:
            yield self._joined(pending, n_pending)

    def _joined(self, parts: Sequence[bytes], n_bytes: int) -> bytes | None:
        return b"".join(parts) if n_bytes <= self._max_line_bytes else None

    def _chunks(self) -> Iterator[bytes]:
        # Digesting lets other threads run: beside the parsing of the same bytes it costs no time where a core is free.
        with ThreadPoolExecutor(max_workers=1) as beside:
            digested: Future[None] | None = None
            while chunk := self._stream.read(CHUNK_BYTES):
                self.n_bytes += len(chunk)
                if digested:
                    digested.result()
                if self._hash:
                    digested = beside.submit(self._hash.update, chunk)
                yield chunk


def lines_of(block: bytes | None) -> Sequence[bytes | None]:
    """The lines of a block."""
    return (None,) if block is None else block.split(b"\n")


def _end_of_block(chunk: bytes, begin: int, size: int) -> int:
    """Where the last line that ends within so many bytes does, or else the first one; -1 when none ends."""
    end = chunk.rfind(b"\n", begin, begin + size + 1)
    return end if end >= 0 else chunk.find(b"\n", begin)
