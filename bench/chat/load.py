"""A client that costs next to nothing: connections that each ask again as soon as they were answered."""

import asyncio
import re
import time
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who is asked, and what."""

    name: str
    port: int
    body: bytes
    key: str = "-"

    def request(self) -> bytes:
        """The bytes of one request."""
        head = (
            "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {self.key}\r\ncontent-length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of a time of asking."""

    seconds: float
    latencies_s: tuple[float, ...]
    """Of every answer, ascending."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies_s) / self.seconds

    def quantile(self, q: float) -> float:
        """Latency in seconds that a share `q` of the answers did not exceed."""
        return self.latencies_s[min(int(q * len(self.latencies_s)), len(self.latencies_s) - 1)]


def ask(target: Target, *, connections: int, seconds: float) -> Tally:
    """Ask for so long. Raises `RuntimeError` for an answer other than a 200."""
    return asyncio.run(_ask(target, connections, seconds))


async def _ask(target: Target, connections: int, seconds: float) -> Tally:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    run = _Run(request=target.request(), until=began + seconds)
    for _ in range(connections):
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", target.port)
        run.going += 1
    await run.over.wait()
    took = time.perf_counter() - began
    if run.refused:
        raise RuntimeError(f"{target.name} answered: {run.refused[:500]!r}")
    return Tally(seconds=took, latencies_s=tuple(sorted(run.latencies_s)))


@dataclass(slots=True, kw_only=True)
class _Run:
    request: bytes
    until: float
    going: int = 0
    refused: bytes = b""
    latencies_s: list[float] = field(default_factory=list)
    over: asyncio.Event = field(default_factory=asyncio.Event)


class _Connection(asyncio.Protocol):
    def __init__(self, run: _Run) -> None:
        self._run = run
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        end = self._answer.find(b"\r\n\r\n")
        found = _LENGTH.search(self._answer, 0, end + 2) if end >= 0 else None
        if found is None or len(self._answer) < end + 4 + int(found[1]):
            return
        now = time.perf_counter()
        self._run.latencies_s.append(now - self._sent_at)
        if not self._answer.startswith(b"HTTP/1.1 200"):
            self._run.refused = self._answer
        if now < self._run.until and not self._run.refused:
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.going -= 1
        if not self._run.going:
            self._run.over.set()
        if exc is not None:
            self._run.refused = repr(exc).encode()

    def _send(self) -> None:
        self._answer = b""
        self._sent_at = time.perf_counter()
        self._transport.write(self._run.request)
