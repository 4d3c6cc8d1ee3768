"""How whole answers leave: head and body in one write, and their headers checked at once.

uvicorn writes them apart, and h11 checks each header by two regular expressions (docs/log/hot.md). Here h11 keeps its
say in what frames an answer; its other headers are only looked through for ends of lines. All else is left to uvicorn:
streams, clients that are slow or gone, headers that h11 has to refuse.
"""

from collections.abc import Iterable

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol, RequestResponseCycle

FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection"})
Header = tuple[bytes, bytes]


class OneWrite:
    """The application of one connection. Pure ASGI to what it wraps."""

    def __init__(self, app: ASGIApp, protocol: H11Protocol) -> None:
        self._app = app
        self._protocol = protocol

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        cycle = self._protocol.cycle
        start: Message | None = None

        async def send_together(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _has_length(message.get("headers", ())):
                start = message
                return
            if start is None:
                await send(message)
                return
            begun, start = start, None
            lines = _lines([*cycle.default_headers, *begun["headers"]])
            if lines is None or message.get("more_body") or cycle.disconnected or cycle.flow.write_paused:
                await send(begun)
                await send(message)
                return
            _answer(cycle, begun, lines, message.get("body", b""))

        await self._app(scope, receive, send_together)


def _has_length(headers: Iterable[Header]) -> bool:
    return any(name == b"content-length" for name, _ in headers)


def _lines(headers: Iterable[Header]) -> bytes | None:
    """The headers that frame nothing, as they are sent; None where one holds what ends a line."""
    plain = [header for header in headers if header[0] not in FRAMING]
    lines = b"".join([b"%b: %b\r\n" % header for header in plain])
    if lines.count(b"\n") != len(plain) or lines.count(b"\r") != len(plain) or b"\0" in lines:
        return None
    return lines


def _answer(cycle: RequestResponseCycle, begun: Message, lines: bytes, body: bytes) -> None:
    """What uvicorn does with both messages, in one write."""
    conn, transport = cycle.conn, cycle.transport
    framing = [header for header in begun["headers"] if header[0] in FRAMING]
    cycle.response_started, cycle.waiting_for_100_continue = True, False
    status = begun["status"]
    head = conn.send(h11.Response(status_code=status, headers=framing, reason=STATUS_PHRASES[status]))
    sent = conn.send(h11.Data(data=b"" if cycle.scope["method"] == "HEAD" else body))
    end = conn.send(h11.EndOfMessage())
    transport.write(b"".join((head[: -len(b"\r\n")], lines, b"\r\n", sent, end)))
    cycle.response_complete = True
    cycle.message_event.set()
    if conn.our_state is h11.MUST_CLOSE or not cycle.keep_alive:
        conn.send(h11.ConnectionClosed())
        transport.close()
    cycle.on_response()
