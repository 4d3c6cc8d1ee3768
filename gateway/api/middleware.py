"""What every answer carries, and what becomes of a failure that nobody expected. Pure ASGI."""

import logging
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.errors import internal_error
from gateway.api.observing import Answered
from gateway.api.wire import error_response
from gateway.errors import ApiError
from gateway.telemetry.logs import about

logger = logging.getLogger(__name__)
API_VERSION = b"2020-10-01"
LENGTHS = (b"content-length", b"transfer-encoding")
"""h11 prefers the second where a request has both; a proxy before us may not, and see another request behind it."""
HANG_UP = {"connection": "close"}
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
"""Of every answer that does not set them itself: what is served is data for programs, and never a page."""


class Envelope:
    """Adds OpenAI's response headers, and answers a 500 without a trace where a handler broke."""

    def __init__(self, app: ASGIApp, request_id: Callable[[], str], observe: Callable[[Answered], None]) -> None:
        self._app = app
        self._request_id = request_id
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._request_id()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers: list[tuple[bytes, bytes]] = message.setdefault("headers", [])
                own = {name for name, _ in headers}
                headers += [header for header in SECURITY_HEADERS if header[0] not in own]
                took_ms = round((time.perf_counter() - began) * 1000)
                headers += [
                    (b"x-request-id", request_id.encode()),
                    (b"openai-version", API_VERSION),
                    (b"openai-processing-ms", b"%d" % took_ms),
                ]
                if "organization" in state:
                    headers.append((b"openai-organization", state["organization"].encode()))
                    headers += [
                        (name.encode(), value.encode())
                        for name, value in state.get("headers", {}).items()
                        if name.encode() not in own
                    ]
            await send(message)

        with about(request_id=request_id):
            try:
                if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # Postgres cannot take a NUL
                    refusal = ApiError(404, "The URL holds a NUL character, and nothing here has one in its name.")
                    await error_response(refusal)(scope, receive, send_with_headers)
                    return
                if sum(name in LENGTHS for name, _ in scope["headers"]) > 1:
                    refusal = ApiError(400, "The request says more than once how long it is.", headers=HANG_UP)
                    await error_response(refusal)(scope, receive, send_with_headers)
                    return
                await self._app(scope, receive, send_with_headers)
            except Exception:
                logger.exception("request %s %s failed", request_id, scope["path"])
                if not status:
                    await error_response(internal_error())(scope, receive, send_with_headers)
            finally:
                self._observe(
                    Answered(
                        request_id=request_id,
                        route=getattr(scope.get("route"), "path", "none"),
                        method=_method(scope["method"]),
                        status=status,
                        seconds=time.perf_counter() - began,
                        headers=Headers(scope=scope),
                        state=state,
                    )
                )


def _method(method: str) -> str:
    """The method, or `other`: what a client makes up is no label of a metric."""
    return method if method in ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS") else "other"
