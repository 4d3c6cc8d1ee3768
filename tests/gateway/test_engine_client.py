"""The client for engines, against a server that says just these bytes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from gateway.engine_client import Answer, BrokenAnswer, EngineClient

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Engine:
    """Says one of these for each request of a connection, and hangs up after the last."""

    def __init__(self, *said: Sequence[bytes]) -> None:
        self._said = list(said)
        self.asked: list[bytes] = []
        self.n_connections = 0
        self.n_hung_up = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        for answer in self._said.pop(0):
            try:
                self.asked.append(await reader.readuntil(b"{}"))
            except asyncio.IncompleteReadError:
                self.n_hung_up += 1
                break
            writer.write(answer)
        writer.close()


def run(path: Path, engine: Engine, use: Callable[[EngineClient], Awaitable[object]]) -> object:
    async def main() -> object:
        server = await asyncio.start_unix_server(engine.serve, str(path / "e.sock"))
        client = EngineClient(str(path / "e.sock"), "secret", timeout_s=0.5)
        try:
            return await use(client)
        finally:
            client.close()
            server.close()
            await asyncio.sleep(0.01)

    return asyncio.run(main())


async def body(client: EngineClient) -> bytes:
    async with client.post("/v1/x", b"{}") as answer:
        return await answer.read()


def test_one_connection_serves_many_requests(tmp_path: Path) -> None:
    engine = Engine([WHOLE] * 9)

    async def use(client: EngineClient) -> list[bytes]:
        return [await body(client) for _ in range(5)]

    assert run(tmp_path, engine, use) == [b"{}"] * 5
    assert engine.n_connections == 1
    assert engine.asked[0].startswith(b"POST /v1/x HTTP/1.1\r\nhost: engine\r\nauthorization: Bearer secret\r\n")


def test_a_connection_that_was_hung_up_on_is_replaced(tmp_path: Path) -> None:
    engine = Engine([WHOLE], [WHOLE])

    async def use(client: EngineClient) -> list[bytes]:
        return [await body(client) for _ in range(2)]

    assert run(tmp_path, engine, use) == [b"{}"] * 2
    assert engine.n_connections == 2


def test_an_answer_in_chunks_is_read_to_its_end_and_the_connection_kept(tmp_path: Path) -> None:
    engine = Engine([CHUNKED + b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n"] * 2)

    async def use(client: EngineClient) -> list[bytes]:
        return [await body(client) for _ in range(2)]

    assert run(tmp_path, engine, use) == [b"abc0123456789"] * 2
    assert engine.n_connections == 1


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"SSH-2.0-x\r\n\r\n",
        b"x" * 200_000 + b"\r\n\r\n",
        CHUNKED + b"3\r\nab",
        CHUNKED + b"x\r\nab\r\n",
        CHUNKED + b"2\r\nab\r\n",
        CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
    ],
    ids=lambda said: repr(said[-30:]),
)
def test_what_is_no_whole_answer_is_an_error(tmp_path: Path, said: bytes) -> None:
    with pytest.raises(BrokenAnswer):
        run(tmp_path, Engine([said]), body)


def test_an_engine_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(BrokenAnswer):
        run(tmp_path, Engine([b"", b""]), body)


def test_no_engine_is_an_error_of_the_operating_system(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"\.sock|No such file"):
        asyncio.run(body(EngineClient(str(tmp_path / "e.sock"), "s", timeout_s=1)))


def test_an_answer_that_nobody_wants_to_its_end_is_hung_up_on(tmp_path: Path) -> None:
    engine = Engine([CHUNKED + b"2\r\nab\r\n", WHOLE], [WHOLE])

    async def use(client: EngineClient) -> bytes:
        async with client.post("/v1/x", b"{}") as answer:
            await first(answer)
        await asyncio.sleep(0.05)
        return await body(client)

    assert run(tmp_path, engine, use) == b"{}"
    assert (engine.n_connections, engine.n_hung_up) == (2, 1)


async def first(answer: Answer) -> bytes:
    pieces = answer.pieces()
    found = await anext(pieces)
    await pieces.aclose()
    return found
