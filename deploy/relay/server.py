"""The relay's HTTP face: the engine's routes, answered by a vLLM server."""

from pathlib import Path

import aiohttp
import orjson
from aiohttp import web

from deploy.endpoints import answers
from deploy.endpoints.answers import json_response, models_response, read_body, strings
from deploy.errors import EngineRefused
from deploy.relay.vllm import VllmAdapters


def create_app(adapters: VllmAdapters, secret: str) -> web.Application:
    """All routes. Everything but `/healthz` asks for the bearer secret."""
    app = answers.create_app(secret)
    app.router.add_get("/v1/models", lambda request: _models(adapters))
    app.router.add_post("/v1/chat/completions", lambda request: _chat(adapters, request))
    app.router.add_post("/v1/load_lora_adapter", lambda request: _load(adapters, request))
    app.router.add_post("/v1/unload_lora_adapter", lambda request: _unload(adapters, request))
    return app


async def _models(adapters: VllmAdapters) -> web.StreamResponse:
    return models_response(adapters.names())


async def _load(adapters: VllmAdapters, request: web.Request) -> web.StreamResponse:
    name, path, digest = strings(await read_body(request), "lora_name", "lora_path", "digest")
    await adapters.load(name, Path(path), digest)
    return json_response({"object": "model", "id": name})


async def _unload(adapters: VllmAdapters, request: web.Request) -> web.StreamResponse:
    (name,) = strings(await read_body(request), "lora_name")
    await adapters.unload(name)
    return json_response({"object": "model", "id": name, "deleted": True})


async def _chat(adapters: VllmAdapters, request: web.Request) -> web.StreamResponse:
    body = await read_body(request)
    if not isinstance(body, dict):
        raise EngineRefused("The body must be a JSON object.")
    async with adapters.chat(body) as answer:
        if not body.get("stream"):
            return web.Response(body=await answer.read(), content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        try:
            async for piece in answer.content.iter_any():
                await response.write(piece)
        except ConnectionResetError:  # the client went away, and vLLM is told by the closed connection
            return response
        except (aiohttp.ClientError, TimeoutError) as exc:
            broken = answers.error(f"the vLLM server broke off ({type(exc).__name__})")
            await response.write(b"data: " + orjson.dumps(broken) + b"\n\n")
        await response.write_eof()
        return response
