"""Answers as they leave our protocol, beside uvicorn's own."""

import asyncio
from typing import Any

import h11
import pytest
import uvicorn
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from gateway.api.server import ImpatientProtocol

BODY = "x" * 500


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.is_closed = False

    def write(self, data: Any) -> None:
        if data:
            self.written.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        """All was said already."""

    resume_reading = pause_reading


def exchange(kind: type[H11Protocol], app: ASGIApp, said: bytes) -> Wire:
    async def run() -> Wire:
        config, state, wire = uvicorn.Config(app, lifespan="off", log_config=None, ws="none"), ServerState(), Wire()
        state.default_headers = [(b"date", b"Sun, 22 Nov 2026 17:00:00 GMT")]
        protocol = kind(config=config, server_state=state, app_state={})
        protocol.connection_made(wire)
        protocol.data_received(said)
        while state.tasks:
            await asyncio.sleep(0)
        protocol.connection_lost(None)
        return wire

    return asyncio.run(run())


def read(method: str, wire: Wire) -> tuple[Any, ...]:
    """Status, headers and body as a client reads them."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    for piece in wire.written:
        client.receive_data(piece)
    if wire.is_closed:
        client.receive_data(b"")
    response, body = client.next_event(), b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return response.status_code, response.reason, sorted(response.headers), body, wire.is_closed


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse(BODY, 201, {"x-a": "b", "set-cookie": "c"}),
        PlainTextResponse("no", 400, {"connection": "close"}),
        Response(status_code=204),
        PlainTextResponse(""),
        StreamingResponse(iter(["a", "b"])),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("line", ["1.1\r\nConnection: keep-alive", "1.1\r\nConnection: close", "1.0"])
def test_an_answer_says_what_uvicorns_would(answer: Response, method: str, line: str) -> None:
    said = f"{method} / HTTP/{line}\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    if isinstance(answer, StreamingResponse):
        answer.body_iterator = _letters()
    ours = read(method, exchange(ImpatientProtocol, answer, said))
    if isinstance(answer, StreamingResponse):
        answer.body_iterator = _letters()
    assert ours == read(method, exchange(H11Protocol, answer, said))


async def _letters() -> Any:
    yield "a"
    yield "b"


def test_a_whole_answer_is_one_write_and_requests_behind_one_another_each_get_theirs() -> None:
    said = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    wire = exchange(ImpatientProtocol, PlainTextResponse(BODY), said * 3)
    assert len(wire.written) == 3
    assert all(one.endswith(BODY.encode()) for one in wire.written)


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b"])
def test_a_header_that_would_end_its_line_is_never_sent(value: bytes) -> None:
    async def app(_scope: object, _receive: object, send: Any) -> None:
        headers = [(b"content-length", b"2"), (b"x-a", value)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{}"})

    wire = exchange(ImpatientProtocol, app, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")  # type: ignore[arg-type]
    assert b"x-a" not in b"".join(wire.written)
