"""The engine's HTTP face: OpenAI's chat completions and models, vLLM's names for loading adapters.

aiohttp on both ends of the socket: it answered 2,000 to 4,000 small requests a second on one core
here, uvicorn with starlette 1,500 to 2,500.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson
from aiohttp import web

from deploy.engine import completions
from deploy.engine.completions import Choice, Header
from deploy.engine.messages import Messenger, News, Piece, until_finished
from deploy.engine.prompts import PromptTooLong, render
from deploy.engine.readings import read
from deploy.engine.requests import ChatRequest, parse
from deploy.engine.residents import Residents, Weights
from deploy.engine.rows import Row
from deploy.engine.sampling import Draw
from deploy.engine.scheduling import Scheduler
from deploy.errors import EngineRefused, EngineUnavailable, NotReleased
from moderation.errors import SealBroken, TunegateError
from trainers.errors import BaseModelError

MAX_BODY_BYTES = 4 * 1024 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What the handlers work with."""

    residents: Residents
    scheduler: Scheduler
    verify: Callable[[Path, str], Weights]
    """Checks a directory against a digest, and in serving mode its attestation too."""
    secret: str
    clock: Callable[[], float]
    random: Random
    """Draws ids, and seeds for requests that bring none."""


class _Unauthorized(TunegateError):
    """The bearer secret is missing or wrong."""


class _NoSuchModel(TunegateError):
    """The name stands for nothing here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The model `{name}` does not exist or you do not have access to it.")


_STATUSES: tuple[tuple[type[TunegateError], int, str, str | None], ...] = (
    (_Unauthorized, 401, "invalid_request_error", "invalid_api_key"),
    (_NoSuchModel, 404, "invalid_request_error", "model_not_found"),
    (PromptTooLong, 400, "invalid_request_error", "context_length_exceeded"),
    (EngineRefused, 400, "invalid_request_error", None),
    (NotReleased, 403, "invalid_request_error", "not_released"),
    (SealBroken, 403, "invalid_request_error", "seal_broken"),
    (BaseModelError, 403, "invalid_request_error", "base_model_error"),
    (EngineUnavailable, 503, "server_error", None),
)
"""Most special first; the first that matches answers."""


def create_app(engine: Engine) -> web.Application:
    """All routes. Everything but `/healthz` asks for the bearer secret."""
    app = web.Application(middlewares=[_guard(engine.secret)], client_max_size=MAX_BODY_BYTES)
    app.router.add_get("/healthz", _healthz)
    app.router.add_get("/v1/models", lambda request: _models(engine))
    app.router.add_post("/v1/chat/completions", lambda request: _chat(engine, request))
    app.router.add_post("/v1/load_lora_adapter", lambda request: _load(engine, request))
    app.router.add_post("/v1/unload_lora_adapter", lambda request: _unload(engine, request))
    app.router.add_post("/v1/readings", lambda request: _readings(engine, request))
    return app


def _guard(secret: str) -> Any:
    expected = f"Bearer {secret}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode()
        try:
            if request.path != "/healthz" and not hmac.compare_digest(given, expected):
                raise _Unauthorized("The engine's secret is missing or wrong.")
            return await handler(request)
        except TunegateError as exc:
            return _error_response(exc)
        except web.HTTPException as exc:
            return _json(completions.error(exc.reason, kind="invalid_request_error"), exc.status)

    return guard


def _error_response(exc: TunegateError) -> web.Response:
    for kind, status, error_type, code in _STATUSES:
        if isinstance(exc, kind):
            body = completions.error(str(exc), kind=error_type, param=getattr(exc, "param", None), code=code)
            return _json(body, status, {"retry-after": "1"} if status == 503 else None)
    return _json(completions.error(str(exc), kind="server_error"), 500)


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=headers, content_type="application/json")


async def _body(request: web.Request) -> Any:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as exc:
        raise EngineRefused("The body is not valid JSON.") from exc


async def _healthz(_request: web.Request) -> web.StreamResponse:
    return _json({"status": "ok"})


async def _models(engine: Engine) -> web.StreamResponse:
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "engine"} for name in engine.residents.names()]
    return _json({"object": "list", "data": data})


async def _load(engine: Engine, request: web.Request) -> web.StreamResponse:
    name, path, digest = _strings(await _body(request), "lora_name", "lora_path", "digest")
    verify = engine.verify
    await asyncio.to_thread(engine.residents.add, name, digest, lambda: verify(Path(path), digest))
    return _json({"object": "model", "id": name})


async def _unload(engine: Engine, request: web.Request) -> web.StreamResponse:
    (name,) = _strings(await _body(request), "lora_name")
    if not engine.residents.remove(name):
        raise _NoSuchModel(name)
    return _json({"object": "model", "id": name, "deleted": True})


async def _readings(engine: Engine, request: web.Request) -> web.StreamResponse:
    body = await _body(request)
    (name,) = _strings(body, "model")
    harmful, benign = _texts(body, "harmful"), _texts(body, "benign")
    base = await asyncio.to_thread(engine.residents.get, engine.residents.names()[0])
    candidate = await asyncio.to_thread(engine.residents.get, name)
    weights = await asyncio.to_thread(engine.residents.weights, name)
    if base is None or candidate is None or weights is None:
        raise _NoSuchModel(name)
    return _json(asdict(await asyncio.to_thread(read, base, candidate, weights, harmful, benign)))


def _texts(body: Any, name: str) -> list[str]:
    texts = body.get(name)
    if not (isinstance(texts, list) and texts and all(isinstance(text, str) and text for text in texts)):
        raise EngineRefused(f"`{name}` must be a list of strings, one at least.", param=name)
    return texts


def _strings(body: Any, *names: str) -> tuple[str, ...]:
    fields = body if isinstance(body, dict) else {}
    for name in names:
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise EngineRefused(f"`{name}` must be given as a string.", param=name)
    return tuple(fields[name] for name in names)


async def _chat(engine: Engine, request: web.Request) -> web.StreamResponse:
    asked = parse(await _body(request))
    resident = engine.residents.peek(asked.model) or await asyncio.to_thread(engine.residents.get, asked.model)
    if resident is None:
        raise _NoSuchModel(asked.model)
    prompt = render(resident, asked)
    events: asyncio.Queue[News] = asyncio.Queue()
    rows = _rows(engine, asked, prompt, resident.context_length - len(prompt), events)
    header = Header(id=f"chatcmpl-{engine.random.getrandbits(96):024x}", created=int(engine.clock()), model=asked.model)
    engine.scheduler.submit(resident, rows)
    try:
        if asked.stream:
            return await _stream(request, asked, header, len(prompt), until_finished(events, len(rows)))
        finished = [event async for event in until_finished(events, len(rows)) if isinstance(event, Choice)]
        choices = tuple(sorted(finished, key=lambda choice: choice.index))
        return _json(completions.completion(header, choices, len(prompt)))
    finally:
        # A client that went away, or a failed twin, must not go on costing steps.
        for row in rows:
            row.cancelled = True


def _rows(engine: Engine, asked: ChatRequest, prompt: list[int], room: int, events: "asyncio.Queue[News]") -> list[Row]:
    seed = engine.random.getrandbits(62) if asked.seed is None else asked.seed
    return [
        Row(
            prompt,
            max_tokens=min(asked.max_tokens or room, room),
            draw=Draw(temperature=asked.temperature, top_p=asked.top_p, random=Random(seed + index)),
            stop=asked.stop,
            streams=asked.stream,
            listener=Messenger(index, events),
            n_top=asked.n_top,
        )
        for index in range(asked.n)
    ]


async def _stream(
    request: web.Request, asked: ChatRequest, header: Header, n_prompt: int, events: AsyncIterator[Piece | Choice]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)

    async def say(body: object) -> None:
        await response.write(b"data: " + orjson.dumps(body) + b"\n\n")

    def piece(index: int, delta: dict[str, str], end: Choice | None = None) -> dict[str, Any]:
        finish = end.finish if end else None
        return completions.chunk(header, index, delta, finish, with_usage=asked.include_usage)

    n_tokens = 0
    try:
        for index in range(asked.n):
            await say(piece(index, {"role": "assistant", "content": ""}))
        async for event in events:
            if isinstance(event, Choice):
                n_tokens += event.n_tokens
                await say(piece(event.index, {}, event))
            else:
                await say(piece(event.index, {"content": event.text}))
        if asked.include_usage:
            await say(completions.usage_chunk(header, n_prompt, n_tokens))
        await response.write(b"data: [DONE]\n\n")
    except EngineUnavailable as exc:
        await say(completions.error(str(exc), kind="server_error"))
    except ConnectionResetError:  # the client went away, and its rows go with it
        return response
    await response.write_eof()
    return response
