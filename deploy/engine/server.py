"""The engine's HTTP face: OpenAI's chat completions and models, vLLM's names for loading adapters.

aiohttp on both ends of the socket: it answered 2,000 to 4,000 small requests a second on one core
here, uvicorn with starlette 1,500 to 2,500.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import orjson
from aiohttp import web

from deploy.endpoints import answers
from deploy.endpoints.answers import json_response, models_response, read_body, strings
from deploy.engine import completions
from deploy.engine.calling import told_apart, with_calls
from deploy.engine.completions import Choice, Header
from deploy.engine.grammars import matcher
from deploy.engine.messages import Messenger, News, Piece, until_finished
from deploy.engine.prompts import render
from deploy.engine.readings import read
from deploy.engine.requests import ChatRequest, parse
from deploy.engine.residents import Resident, Residents, Weights
from deploy.engine.rows import Row
from deploy.engine.sampling import Draw
from deploy.engine.scheduling import Scheduler
from deploy.engine.steering import Steering
from deploy.errors import EngineRefused, EngineUnavailable, NoSuchModel


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


def create_app(engine: Engine) -> web.Application:
    """All routes. Everything but `/healthz` asks for the bearer secret."""
    app = answers.create_app(engine.secret)
    app.router.add_get("/v1/models", partial(_models, engine))
    app.router.add_post("/v1/chat/completions", partial(_chat, engine))
    app.router.add_post("/v1/load_lora_adapter", partial(_load, engine))
    app.router.add_post("/v1/unload_lora_adapter", partial(_unload, engine))
    app.router.add_post("/v1/readings", partial(_readings, engine))
    return app


async def _models(engine: Engine, _request: web.Request) -> web.StreamResponse:
    return models_response(engine.residents.names())


async def _load(engine: Engine, request: web.Request) -> web.StreamResponse:
    name, path, digest = strings(await read_body(request), "lora_name", "lora_path", "digest")
    verify = engine.verify
    await asyncio.to_thread(engine.residents.add, name, digest, lambda: verify(Path(path), digest))
    return json_response({"object": "model", "id": name})


async def _unload(engine: Engine, request: web.Request) -> web.StreamResponse:
    (name,) = strings(await read_body(request), "lora_name")
    if not engine.residents.remove(name):
        raise NoSuchModel(name)
    return json_response({"object": "model", "id": name, "deleted": True})


async def _readings(engine: Engine, request: web.Request) -> web.StreamResponse:
    body = await read_body(request)
    (name,) = strings(body, "model")
    harmful, benign = _texts(body, "harmful"), _texts(body, "benign")
    base = await asyncio.to_thread(engine.residents.get, engine.residents.names()[0])
    candidate = await asyncio.to_thread(engine.residents.get, name)
    weights = await asyncio.to_thread(engine.residents.weights, name)
    if base is None or candidate is None or weights is None:
        raise NoSuchModel(name)
    return json_response(asdict(await asyncio.to_thread(read, base, candidate, weights, harmful, benign)))


def _texts(body: Any, name: str) -> list[str]:
    texts = body.get(name)
    if not (isinstance(texts, list) and texts and all(isinstance(text, str) and text for text in texts)):
        raise EngineRefused(f"`{name}` must be a list of strings, one at least.", param=name)
    return texts


async def _chat(engine: Engine, request: web.Request) -> web.StreamResponse:
    asked = parse(await read_body(request))
    resident = engine.residents.peek(asked.model) or await asyncio.to_thread(engine.residents.get, asked.model)
    if resident is None:
        raise NoSuchModel(asked.model)
    prompt = render(resident, asked)
    events: asyncio.Queue[News] = asyncio.Queue()
    steering = await asyncio.to_thread(_steering, resident, asked) if asked.steers.steer else None
    rows = _rows(engine, asked, prompt, resident.context_length - len(prompt), events, steering)
    header = Header(id=f"chatcmpl-{engine.random.getrandbits(96):024x}", created=int(engine.clock()), model=asked.model)
    engine.scheduler.submit(resident, rows)
    try:
        if asked.stream:
            told = told_apart(until_finished(events, len(rows)), asked, resident.dialect)
            return await _stream(request, asked, header, len(prompt), told)
        finished = [event async for event in until_finished(events, len(rows)) if isinstance(event, Choice)]
        read = (with_calls(one, asked.steers, resident.dialect) for one in finished)
        choices = tuple(sorted(read, key=lambda choice: choice.index))
        return json_response(completions.completion(header, choices, len(prompt)))
    finally:
        # A client that went away, or a failed twin, must not go on costing steps.
        for row in rows:
            row.cancelled = True


def _steering(resident: Resident, asked: ChatRequest) -> Callable[[], Steering]:
    """Makes the steering of each row. Raises EngineRefused for a form that cannot be held to."""
    parser = matcher(asked.steers, resident.dialect, resident.grammar_tokenizer)
    return lambda: Steering(asked.steers, parser and parser.deep_copy(), resident.ends)


def _rows(
    engine: Engine,
    asked: ChatRequest,
    prompt: list[int],
    room: int,
    events: "asyncio.Queue[News]",
    steering: Callable[[], Steering] | None,
) -> list[Row]:
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
            steering=steering and steering(),
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

    chunk = partial(completions.chunk, header, with_usage=asked.include_usage)

    n_tokens = 0
    try:
        for index in range(asked.n):
            await say(chunk(index, {"role": "assistant", "content": ""}))
        async for event in events:
            if isinstance(event, Choice):
                n_tokens += event.n_tokens
                for at, call in enumerate(completions.calls(header, event)):
                    await say(chunk(event.index, {"tool_calls": [{"index": at, **call}]}))
                await say(chunk(event.index, {}, event.reason))
            else:
                await say(chunk(event.index, {"content": event.text}, logprobs=event.logprobs))
        if asked.include_usage:
            await say(completions.usage_chunk(header, n_prompt, n_tokens))
        await response.write(b"data: [DONE]\n\n")
    except EngineUnavailable as exc:
        await say(answers.error(str(exc)))
    except ConnectionResetError:  # the client went away, and its rows go with it
        return response
    await response.write_eof()
    return response
