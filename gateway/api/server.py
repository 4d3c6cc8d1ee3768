"""How the API is put on a socket: uvicorn with h11, which takes HTTP by the letter, and nothing that is not needed.

h11 refuses most of what request smuggling lives on (two lengths, odd names and encodings), and `Envelope` the rest;
TLS, HTTP/2 and what faces the internet stand before it.
"""

import asyncio
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.api.one_write import OneWrite

MAX_HEADER_BYTES = 32 * 1024
HEADER_PATIENCE_S = 20.0
"""How long a client may take over the first line and the headers of a request."""
KEEP_ALIVE_S = 5
READ_BYTES = 1 << 20
"""How much is read from a socket at a time: an upload costs by the piece, and asyncio's are of 256 KiB."""
GRACE_S = 5
"""How long answers may take to end when the process is to stop."""


class ImpatientProtocol(H11Protocol):
    """uvicorn's protocol, which waits for ever for the end of a header; this one hangs up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = OneWrite(self.app, self)
        self._hang_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begin to wait."""
        super().connection_made(transport)
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]  # asyncio's own, which it does not declare
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take bytes; wait no longer once a header is whole, and anew when the next one begins."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing."""
        super().connection_lost(exc)
        self._stop_waiting()

    def _wait(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._hang_up is None:
            self._hang_up = self.loop.call_later(HEADER_PATIENCE_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
            self._hang_up = None

    def _give_up(self) -> None:
        self._hang_up = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()


def server_config(app: ASGIApp) -> uvicorn.Config:
    """The configuration under which `app` is served. It takes no address from a header and speaks no WebSocket."""
    return uvicorn.Config(
        app,
        http=ImpatientProtocol,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        log_config=None,
        access_log=False,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
