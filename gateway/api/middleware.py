"""What every answer carries, and what becomes of a failure that nobody expected. Pure ASGI."""

import logging
import time
from collections.abc import Callable
from typing import Protocol

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.api.errors import internal_error
from gateway.api.wire import error_response
from gateway.errors import ApiError

logger = logging.getLogger(__name__)
API_VERSION = "2020-10-01"


class Observe(Protocol):
    """Hears of each answer: route with placeholders, method, status (0 when none was sent) and seconds."""

    def __call__(self, *, route: str, method: str, status: int, seconds: float) -> None:
        """Count it."""


class Envelope:
    """Adds OpenAI's response headers, and answers a 500 without a trace where a handler broke."""

    def __init__(self, app: ASGIApp, request_id: Callable[[], str], observe: Observe) -> None:
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
        started = False
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal started, status
            if message["type"] == "http.response.start":
                started = True
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers["openai-version"] = API_VERSION
                headers["openai-processing-ms"] = str(round((time.perf_counter() - began) * 1000))
                if "organization" in state:
                    headers["openai-organization"] = state["organization"]
                    headers.update(state.get("headers", {}))
            await send(message)

        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:  # Postgres cannot take a NUL
                refusal = ApiError(404, "The URL holds a NUL character, and nothing here has one in its name.")
                await error_response(refusal)(scope, receive, send_with_headers)
                return
            await self._app(scope, receive, send_with_headers)
        except Exception:
            logger.exception("request %s %s failed", request_id, scope["path"])
            if not started:
                await error_response(internal_error())(scope, receive, send_with_headers)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            took_s = time.perf_counter() - began
            self._observe(route=route, method=_method(scope["method"]), status=status, seconds=took_s)


def _method(method: str) -> str:
    """The method, or `other`: what a client makes up is no label of a metric."""
    return method if method in ("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS") else "other"
