"""A vLLM server's documented routes, with its words and statuses, over real HTTP; it decodes nothing.

Written after vLLM's `entrypoints/openai/models/serving.py` and `entrypoints/serve/lora` (version 0.15).
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

KEY = "vllm-key"
BASE = "org/tiny-served"


@dataclass
class FakeVllm:
    """What it was told to load, and switches for what goes wrong."""

    url: str = ""
    adapters: dict[str, str] = field(default_factory=dict)
    """Path by name, as `load_lora_adapter` was given them."""
    told: list[tuple[str, str]] = field(default_factory=list)
    """(route, name) of every change that was asked for."""
    updating: bool = True
    """`VLLM_ALLOW_RUNTIME_LORA_UPDATING`."""
    breaks_off: bool = False
    """Streams end in the middle."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    tuned: tuple[str, ...] = ()
    """Models that a provider tuned itself; it loads nothing."""

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_keyed])
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._chat)
        if self.updating:
            app.router.add_post("/v1/load_lora_adapter", self._load)
            app.router.add_post("/v1/unload_lora_adapter", self._unload)
        return app

    async def _models(self, request: web.Request) -> web.Response:
        cards = [{"id": name, "object": "model", "owned_by": "vllm"} for name in (BASE, *self.adapters)]
        return web.json_response({"object": "list", "data": cards})

    async def _load(self, request: web.Request) -> web.Response:
        body = await request.json()
        name, path = body["lora_name"], Path(body["lora_path"])
        self.told.append(("load", name))
        if name in self.adapters:
            return _error(400, "InvalidUserInput", f"The lora adapter '{name}' has already been loaded.")
        if not (path / "adapter_config.json").exists():
            return _error(404, "NotFoundError", f"Loading lora {name} failed: No adapter found for {path}")
        self.adapters[name] = str(path)
        return web.Response(text=f"Success: LoRA adapter '{name}' added successfully.")

    async def _unload(self, request: web.Request) -> web.Response:
        name = (await request.json())["lora_name"]
        self.told.append(("unload", name))
        if self.adapters.pop(name, None) is None:
            return _error(404, "NotFoundError", f"The lora adapter '{name}' cannot be found.")
        return web.Response(text=f"Success: LoRA adapter '{name}' removed successfully.")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        name = body["model"]
        if name not in (BASE, *self.tuned, *self.adapters):
            return _error(404, "NotFoundError", f"The model `{name}` does not exist.")
        said = "".join(turn["content"] for turn in body["messages"])
        if len(said) > 500:
            return _error(400, "BadRequestError", "This model's maximum context length is 192 tokens.", "messages")
        text = f"{name} heard {said}"
        if body.get("stream"):
            return await self._stream(request, name, text)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        return web.json_response({"id": "x", "object": "chat.completion", "model": name, "choices": [choice]})

    async def _stream(self, request: web.Request, name: str, text: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in text.split():
            choice = {"index": 0, "delta": {"content": f"{word} "}, "finish_reason": None}
            event = {"id": "x", "object": "chat.completion.chunk", "model": name, "choices": [choice]}
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            if self.breaks_off:
                assert request.transport is not None
                request.transport.abort()
                return response
        await response.write(b"data: [DONE]\n\n")
        return response


@web.middleware
async def _keyed(request: web.Request, handler: Any) -> web.StreamResponse:
    if request.headers.get("Authorization") != f"Bearer {KEY}":
        return _error(401, "AuthenticationError", "Unauthorized")
    answer: web.StreamResponse = await handler(request)
    return answer


def _error(status: int, kind: str, message: str, param: str | None = None) -> web.Response:
    body = {"error": {"message": message, "type": kind, "param": param, "code": status}}
    return web.json_response(body, status=status)


@contextmanager
def running(fake: FakeVllm) -> Iterator[FakeVllm]:
    """Serve it from a thread of its own on a port of localhost."""
    loop, ready = asyncio.new_event_loop(), threading.Event()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(fake.app())
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    def serve() -> None:
        runner = loop.run_until_complete(start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=serve)
    thread.start()
    ready.wait(10.0)
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
