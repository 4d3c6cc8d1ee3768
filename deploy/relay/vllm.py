"""Adapters in a vLLM server: loaded, asked and unloaded over its own HTTP routes.

vLLM serves whatever its routes are told to load, so what is loaded is first copied to a directory that it
shares with the relay and nobody else writes, and the copy is verified: vLLM reads it again whenever the
adapter had to make room. It needs `--enable-lora` and `VLLM_ALLOW_RUNTIME_LORA_UPDATING=True`.
"""

import asyncio
import logging
import shutil
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from deploy import registry
from deploy.errors import ContextTooLong, EngineRefused, EngineUnavailable, NoSuchModel
from deploy.secret_prompts import behind
from deploy.types import ReleasedModel, TrustedBase, VllmServer
from moderation.errors import TunegateError

logger = logging.getLogger(__name__)
MAX_SAID = 500
"""Characters of vLLM's own words that are passed on."""
NOT_FOUND = 404


class VllmAdapters:
    """The names that a vLLM server answers to for us: its base model, and at most `max_models` released adapters.

    What was asked for longest ago is unloaded to make room. Not to be shared between event loops.
    """

    def __init__(
        self, server: VllmServer, base: TrustedBase, key: bytes, session: aiohttp.ClientSession, *, max_models: int
    ) -> None:
        self._server = server
        self._base = base
        self._key = key
        self._session = session
        self._max_models = max_models
        self._loaded: OrderedDict[str, str] = OrderedDict()
        self._secrets: dict[str, str] = {}
        """Of loaded models by digest, where one stands before their prompts."""
        self._lock = asyncio.Lock()

    def names(self) -> tuple[str, ...]:
        """The base's name first."""
        return (self._base.name, *self._loaded)

    async def check(self) -> None:
        """Raise EngineUnavailable unless the server answers and serves the base under its configured name."""
        async with self._ask("GET", "models") as response:
            listed = orjson.loads(await response.read())
        served = [str(model["id"]) for model in listed["data"]]
        if self._server.model not in served:
            raise EngineUnavailable(
                f"the vLLM server at {self._server.url} serves {', '.join(served) or 'nothing'}, not "
                f"{self._server.model}; set `model` in [bases.vllm] to what it serves"
            )

    async def load(self, name: str, path: Path, digest: str) -> None:
        """Have a released adapter served under a name; one that is served with this digest is left as it is.

        Raises NotReleased or SealBroken for what does not verify, EngineRefused for what vLLM cannot load,
        EngineUnavailable when it does not answer.
        """
        if name == self._base.name:
            raise EngineRefused(f"`{name}` is the base model's name; choose another.", param="lora_name")
        async with self._lock:
            if self._loaded.get(name) == digest:
                return
            released = await asyncio.to_thread(self._copy, path, digest)
            await self._drop(name)
            while len(self._loaded) >= self._max_models:
                await self._drop(next(iter(self._loaded)))
            await self._tell("load_lora_adapter", {"lora_name": name, "lora_path": released.path})
            self._loaded[name] = digest
            self._secrets[digest] = released.secret
            logger.info("vLLM serves %s", digest)

    async def unload(self, name: str) -> None:
        """Have a name forgotten. Raises NoSuchModel for one that was not loaded."""
        async with self._lock:
            if name not in self._loaded:
                raise NoSuchModel(name)
            await self._drop(name)

    @asynccontextmanager
    async def chat(self, body: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of vLLM's answer to a chat request for one of our names, status 200.

        Raises NoSuchModel, EngineRefused with vLLM's reason, or EngineUnavailable.
        """
        name = str(body.get("model"))
        if name not in self.names():
            raise NoSuchModel(name)
        if name in self._loaded:
            self._loaded.move_to_end(name)
        asked = {**body, "model": self._server.model if name == self._base.name else name}
        if isinstance(messages := asked.get("messages"), list):
            asked["messages"] = behind(self._secrets.get(self._loaded.get(name, ""), ""), messages)
        async with self._ask("POST", "chat/completions", asked, allowed=(NOT_FOUND,)) as response:
            if response.status == NOT_FOUND:  # it was started again, and knows no adapter
                self._loaded.pop(name, None)
                raise NoSuchModel(name)
            yield response.content.iter_any()

    def _copy(self, path: Path, digest: str) -> ReleasedModel:
        """The released model, verified where vLLM will read it."""
        kept = self._server.adapters / digest.removeprefix("sha256:")
        if not kept.exists():
            partial = kept.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(path, partial)
            partial.replace(kept)
        try:
            released = registry.load(kept, name="", base_path=self._base.path, digest=digest, key=self._key)
        except TunegateError:
            shutil.rmtree(kept, ignore_errors=True)  # the next attempt copies what the store then has
            raise
        if released.base_digest != self._base.digest:
            raise EngineRefused("The model was trained on another base model than this one.", param="digest")
        if not released.adapter:
            raise EngineRefused(
                "vLLM loads adapters at run time; this is a whole model, which needs a server of its own."
            )
        return released

    async def _drop(self, name: str) -> None:
        """Unload a name, also one that somebody else may have loaded."""
        digest = self._loaded.pop(name, None)
        await self._tell("unload_lora_adapter", {"lora_name": name}, allowed=(NOT_FOUND,))
        if digest is not None and digest not in self._loaded.values():
            shutil.rmtree(self._server.adapters / digest.removeprefix("sha256:"), ignore_errors=True)
            self._secrets.pop(digest, None)

    async def _tell(self, path: str, body: Mapping[str, str], allowed: tuple[int, ...] = ()) -> None:
        async with self._ask("POST", path, body, allowed=allowed) as response:
            await response.read()

    @asynccontextmanager
    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, allowed: tuple[int, ...] = ()
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; what fails until its body has been read is translated here."""
        url = f"{self._server.url.rstrip('/')}/v1/{path}"
        try:
            async with self._session.request(
                method, url, data=None if body is None else orjson.dumps(body), allow_redirects=False
            ) as response:
                if response.status != 200 and response.status not in allowed:
                    raise _failure(response.status, await response.read())
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            raise EngineUnavailable(f"the vLLM server does not answer ({type(exc).__name__}); try again") from exc


def _failure(status: int, raw: bytes) -> EngineRefused | EngineUnavailable:
    """vLLM's error as ours: what is the request's fault in its words, what is the operator's with the mend."""
    if status in (401, 403):
        return EngineUnavailable("the vLLM server refuses the gateway's key; set TUNEGATE_VLLM_API_KEY")
    try:
        said = orjson.loads(raw)["error"]
        message, param = str(said["message"])[:MAX_SAID], said.get("param")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        if status in (NOT_FOUND, 405):  # no such route
            return EngineUnavailable("the vLLM server loads nothing; set VLLM_ALLOW_RUNTIME_LORA_UPDATING=True for it")
        return EngineUnavailable(f"the vLLM server answered {status} and no readable error")
    if status == NOT_FOUND:
        return EngineUnavailable(
            f"the vLLM server finds no adapter where it was put ({message}); "
            "let TUNEGATE_VLLM_ADAPTERS be a directory that it reads under the same path"
        )
    if status in (400, 422):
        return (ContextTooLong if "context length" in message else EngineRefused)(message, param=param)
    return EngineUnavailable(f"the vLLM server answered {status}: {message}")
