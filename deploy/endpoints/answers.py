"""How every process that serves models answers: OpenAI's envelope, one status an error, one secret."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from deploy.errors import ContextTooLong, EngineRefused, EngineUnavailable, NoSuchModel, NotReleased, Unauthorized
from moderation.errors import SealBroken, TunegateError
from trainers.errors import BaseModelError

MAX_BODY_BYTES = 4 * 1024 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_STATUSES: tuple[tuple[type[TunegateError], int, str, str | None], ...] = (
    (Unauthorized, 401, "invalid_request_error", "invalid_api_key"),
    (NoSuchModel, 404, "invalid_request_error", "model_not_found"),
    (ContextTooLong, 400, "invalid_request_error", "context_length_exceeded"),
    (EngineRefused, 400, "invalid_request_error", None),
    (NotReleased, 403, "invalid_request_error", "not_released"),
    (SealBroken, 403, "invalid_request_error", "seal_broken"),
    (BaseModelError, 403, "invalid_request_error", "base_model_error"),
    (EngineUnavailable, 503, "server_error", None),
)
"""Most special first; the first that matches answers."""


def create_app(secret: str) -> web.Application:
    """An application with `GET /healthz`, which alone asks for no bearer `secret`; the caller adds its routes."""
    app = web.Application(middlewares=[_guard(secret)], client_max_size=MAX_BODY_BYTES)
    app.router.add_get("/healthz", _healthz)
    return app


def error(
    message: str, *, kind: str = "server_error", param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """OpenAI's error envelope."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


def models_response(names: tuple[str, ...]) -> web.Response:
    """OpenAI's list of models."""
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "engine"} for name in names]
    return json_response({"object": "list", "data": data})


async def read_body(request: web.Request) -> Any:
    """The decoded JSON body. Raises EngineRefused."""
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as exc:
        raise EngineRefused("The body is not valid JSON.") from exc


def strings(body: Any, *names: str) -> tuple[str, ...]:
    """Fields of a body that must be non-empty text. Raises EngineRefused naming the first that is not."""
    fields = body if isinstance(body, dict) else {}
    for name in names:
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise EngineRefused(f"`{name}` must be given as a string.", param=name)
    return tuple(fields[name] for name in names)


async def _healthz(_request: web.Request) -> web.StreamResponse:
    return json_response({"status": "ok"})


def _guard(secret: str) -> Any:
    expected = f"Bearer {secret}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode()
        try:
            if request.path != "/healthz" and not hmac.compare_digest(given, expected):
                raise Unauthorized("The engine's secret is missing or wrong.")
            return await handler(request)
        except TunegateError as exc:
            return _error_response(exc)
        except web.HTTPException as exc:
            return json_response(error(exc.reason, kind="invalid_request_error"), exc.status)

    return guard


def _error_response(exc: TunegateError) -> web.Response:
    for kind, status, error_type, code in _STATUSES:
        if isinstance(exc, kind):
            body = error(str(exc), kind=error_type, param=getattr(exc, "param", None), code=code)
            return json_response(body, status, {"retry-after": "1"} if status == 503 else None)
    return json_response(error(str(exc)), 500)
