"""HTTP/1.1 to an engine over its Unix socket, on connections that are kept.

It speaks to our own engines and relays only, which answer with a length or in chunks; whatever else comes is an error.
A client for every server there is costs several times as much a request (docs/log/hot.md).
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

MAX_HEAD_BYTES = 64 * 1024
PIECE_BYTES = 64 * 1024


class BrokenAnswer(Exception):
    """The engine hung up, or what it sent is no answer."""


class NothingCame(BrokenAnswer):
    """The engine hung up without a byte of an answer."""


@dataclass(slots=True, kw_only=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    timer: asyncio.TimerHandle = field(init=False)


@dataclass(slots=True, kw_only=True)
class Answer:
    """An answer whose head has come."""

    status: int
    length: int | None
    """Of the body; None where it comes in chunks."""
    reader: asyncio.StreamReader
    is_over: bool = False

    async def read(self) -> bytes:
        """The whole body."""
        if self.length is None:
            return b"".join([piece async for piece in self.pieces()])
        body = await self.reader.readexactly(self.length)
        self.is_over = True
        return body

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes."""
        if self.length is not None:
            yield await self.read()
            return
        while size := _size(await self.reader.readuntil(b"\r\n")):
            while size:
                piece = await self.reader.read(min(size, PIECE_BYTES))
                if not piece:
                    raise BrokenAnswer("the engine hung up in the middle of its answer")
                size -= len(piece)
                yield piece
            await self._line_ends()
        await self._line_ends()  # no engine sends trailers
        self.is_over = True

    async def _line_ends(self) -> None:
        if await self.reader.readexactly(2) != b"\r\n":
            raise BrokenAnswer("a chunk of the engine's answer is longer than it said")


class EngineClient:
    """One engine process. To be used on one event loop."""

    def __init__(self, uds: str, secret: str, *, timeout_s: float) -> None:
        """`timeout_s`: how long a request and its whole answer may take."""
        self._uds = uds
        self._timeout_s = timeout_s
        self._head = (
            f" HTTP/1.1\r\nhost: engine\r\nauthorization: Bearer {secret}\r\n"
            "content-type: application/json\r\ncontent-length: "
        ).encode()
        self._idle: list[_Connection] = []

    @asynccontextmanager
    async def post(self, path: str, body: bytes) -> AsyncGenerator[Answer]:
        """Send a JSON body; the answer, within the block. Raises `OSError` or `BrokenAnswer`, here or in the block.

        A connection that was kept and that the engine closed meanwhile is replaced.
        """
        request = b"POST " + path.encode() + self._head + b"%d\r\n\r\n%b" % (len(body), body)
        connection, answer = await self._ask(request)
        try:
            yield answer
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as exc:
            raise BrokenAnswer("the engine hung up in the middle of its answer, or lost its measure") from exc
        finally:
            connection.timer.cancel()
            if answer.is_over:
                self._idle.append(connection)
            else:
                connection.writer.close()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().writer.close()

    async def _ask(self, request: bytes) -> tuple["_Connection", Answer]:
        while self._idle:
            kept = self._idle.pop()
            if kept.reader.at_eof():
                kept.writer.close()
                continue
            try:
                return kept, await self._exchange(kept, request)
            except (ConnectionError, NothingCame):  # it was closed in this very moment
                continue
        reader, writer = await asyncio.open_unix_connection(self._uds, limit=MAX_HEAD_BYTES)
        fresh = _Connection(reader=reader, writer=writer)
        return fresh, await self._exchange(fresh, request)

    async def _exchange(self, connection: "_Connection", request: bytes) -> Answer:
        """Send a request and wait for the head of its answer."""
        reader, writer = connection.reader, connection.writer
        # Wherever the answer is waited for then, the connection breaks.
        connection.timer = asyncio.get_running_loop().call_later(self._timeout_s, writer.transport.abort)
        answer = None
        try:
            writer.write(request)
            answer = _answer(await reader.readuntil(b"\r\n\r\n"), reader)
        except asyncio.IncompleteReadError as exc:
            raise (BrokenAnswer if exc.partial else NothingCame)("the engine hung up before it answered") from exc
        except asyncio.LimitOverrunError as exc:
            raise BrokenAnswer("the headers of the engine's answer do not end") from exc
        finally:
            if answer is None:
                connection.timer.cancel()
                writer.close()
        return answer


def _answer(head: bytes, reader: asyncio.StreamReader) -> Answer:
    lines = head.lower().split(b"\r\n")
    version, _, status = lines[0].partition(b" ")
    length, in_chunks = None, False
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            length = value.strip()
        elif name == b"transfer-encoding":
            in_chunks = value.strip() == b"chunked"
    if version != b"http/1.1" or not status[:3].isdigit() or (length is None) is not in_chunks:
        raise BrokenAnswer("what the engine sent is no answer in HTTP/1.1 with a length or in chunks")
    if length is not None and not length.isdigit():
        raise BrokenAnswer("the length of the engine's answer is no number")
    return Answer(status=int(status[:3]), length=None if length is None else int(length), reader=reader)


def _size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError as exc:
        raise BrokenAnswer("a chunk of the engine's answer has no size") from exc
