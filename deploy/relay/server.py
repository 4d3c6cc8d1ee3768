"""The relay's HTTP face: the engine's routes, answered by another server."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson
from aiohttp import web

from deploy.endpoints import answers
from deploy.endpoints.answers import json_response, models_response, read_body, strings
from deploy.errors import EngineRefused


class Relayed(Protocol):
    """A server that is stood before: `deploy.relay.vllm` and `deploy.relay.upstream` have the contracts."""

    def names(self) -> tuple[str, ...]:
        """The base's name first."""

    async def check(self) -> None:
        """Raise EngineUnavailable unless the server can be relied on."""

    async def load(self, name: str, path: Path, digest: str) -> None:
        """Answer for a released model under a name."""

    async def unload(self, name: str) -> None:
        """Have a name forgotten."""

    def chat(self, body: Mapping[str, Any]) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The pieces of the answer to a chat request, status 200."""


def create_app(relayed: Relayed, secret: str) -> web.Application:
    """All routes. Everything but `/healthz` asks for the bearer secret."""
    app = answers.create_app(secret)
    app.router.add_get("/v1/models", lambda request: _models(relayed))
    app.router.add_post("/v1/chat/completions", lambda request: _chat(relayed, request))
    app.router.add_post("/v1/load_lora_adapter", lambda request: _load(relayed, request))
    app.router.add_post("/v1/unload_lora_adapter", lambda request: _unload(relayed, request))
    return app


async def _models(relayed: Relayed) -> web.StreamResponse:
    return models_response(relayed.names())


async def _load(relayed: Relayed, request: web.Request) -> web.StreamResponse:
    name, path, digest = strings(await read_body(request), "lora_name", "lora_path", "digest")
    await relayed.load(name, Path(path), digest)
    return json_response({"object": "model", "id": name})


async def _unload(relayed: Relayed, request: web.Request) -> web.StreamResponse:
    (name,) = strings(await read_body(request), "lora_name")
    await relayed.unload(name)
    return json_response({"object": "model", "id": name, "deleted": True})


async def _chat(relayed: Relayed, request: web.Request) -> web.StreamResponse:
    body = await read_body(request)
    if not isinstance(body, dict):
        raise EngineRefused("The body must be a JSON object.")
    async with relayed.chat(body) as answer:
        if not body.get("stream"):
            return web.Response(body=b"".join([piece async for piece in answer]), content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
        await response.prepare(request)
        try:
            async for piece in answer:
                await response.write(piece)
        except ConnectionResetError:  # the client went away, and the server is told by the closed connection
            return response
        except (aiohttp.ClientError, TimeoutError) as exc:
            broken = answers.error(f"the server behind the relay broke off ({type(exc).__name__})")
            await response.write(b"data: " + orjson.dumps(broken) + b"\n\n")
        await response.write_eof()
        return response
