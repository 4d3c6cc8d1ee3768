"""What a provider tuned for us, answered for under our names.

The weights lie there, so what is loaded here is the pointer to them: sealed, attested, and verified as
weights are. The provider's name of a model is taken out of every answer, piece of a stream and error.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from deploy import registry
from deploy.errors import ContextTooLong, EngineRefused, EngineUnavailable, NoSuchModel
from deploy.types import TrustedBase, UpstreamServer
from trainers.hosted import Address, read_pointer

logger = logging.getLogger(__name__)
MAX_SAID = 500
"""Characters of a provider's own words that are passed on."""
MAX_LINE_BYTES = 1 << 20
DATA = b"data:"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    digest: str
    model: str
    """What the provider is asked for."""
    tuned: str
    """The provider's own name for it, which its errors may say."""


class UpstreamModels:
    """The names that a provider answers to for us: its base model, and released models that it tuned of it."""

    def __init__(
        self, server: UpstreamServer, base: TrustedBase, key: bytes, session: aiohttp.ClientSession, *, max_models: int
    ) -> None:
        self._server = server
        self._base = base
        self._key = key
        self._session = session
        self._max_models = max_models
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()

    def names(self) -> tuple[str, ...]:
        """The base's name first."""
        return (self._base.name, *self._loaded)

    async def check(self) -> None:
        """Raise EngineUnavailable unless the provider answers and takes the key.

        Not every provider lists its models, so that one has no list is no reason to serve nothing.
        """
        async with self._ask("GET", "models", None, {}, allowed=(404, 405)) as response:
            await response.read()

    async def load(self, name: str, path: Path, digest: str) -> None:
        """Answer for a released model under a name; one that is loaded with this digest is left as it is.

        Raises NotReleased or SealBroken for what does not verify, EngineRefused for what is no pointer
        of this base.
        """
        if name == self._base.name:
            raise EngineRefused(f"`{name}` is the base model's name; choose another.", param="lora_name")
        known = self._loaded.get(name)
        if known is not None and known.digest == digest:
            return
        self._loaded[name] = await asyncio.to_thread(self._verified, path, digest)
        while len(self._loaded) > self._max_models:
            self._loaded.popitem(last=False)
        logger.info("a provider answers for %s", digest)

    async def unload(self, name: str) -> None:
        """Have a name forgotten. Raises NoSuchModel for one that was not loaded."""
        if self._loaded.pop(name, None) is None:
            raise NoSuchModel(name)

    @asynccontextmanager
    async def chat(self, body: Mapping[str, Any]) -> AsyncIterator[AsyncIterator[bytes]]:
        """The pieces of the provider's answer to a chat request for one of our names, under that name.

        Raises NoSuchModel, EngineRefused with the provider's reason, or EngineUnavailable.
        """
        name = str(body.get("model"))
        if name not in self.names():
            raise NoSuchModel(name)
        theirs = tuned = self._server.model
        if name in self._loaded:
            self._loaded.move_to_end(name)
            theirs, tuned = self._loaded[name].model, self._loaded[name].tuned
        names = {theirs: name, tuned: name, self._server.model: self._base.name}
        async with self._ask("POST", "chat/completions", {**body, "model": theirs}, names) as response:
            yield _renamed_stream(response, names) if body.get("stream") else _renamed(response, names)

    def _verified(self, path: Path, digest: str) -> _Loaded:
        released = registry.load(path, name="", base_path=self._base.path, digest=digest, key=self._key)
        if released.base_digest != self._base.digest:
            raise EngineRefused("The model was trained on another base model than this one.", param="digest")
        at = Address(base_url=self._server.base_url, model=self._server.model)
        pointer = read_pointer(path, digest, at)
        return _Loaded(digest=digest, model=pointer.asked_as, tuned=pointer.model)

    @asynccontextmanager
    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        names: Mapping[str, str],
        allowed: tuple[int, ...] = (),
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request; what fails until its body has been read is translated here."""
        url = f"{self._server.base_url.rstrip('/')}/{path}"
        data = None if body is None else orjson.dumps(body)
        try:
            async with self._session.request(method, url, data=data, allow_redirects=False) as response:
                if response.status != 200 and response.status not in allowed:
                    raise _failure(response.status, await response.read(), names)
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as exc:
            raise EngineUnavailable(f"the provider does not answer ({type(exc).__name__}); try again") from exc


async def _renamed(response: aiohttp.ClientResponse, names: Mapping[str, str]) -> AsyncIterator[bytes]:
    try:
        yield orjson.dumps(_under_our_name(orjson.loads(await response.read()), names))
    except (orjson.JSONDecodeError, TypeError) as exc:
        raise EngineUnavailable("the provider's answer is no chat completion; try again") from exc


async def _renamed_stream(response: aiohttp.ClientResponse, names: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Server-sent events, line by line; what is neither JSON nor the end is left out, for it may carry a name."""
    rest = b""
    async for piece in response.content.iter_any():
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise aiohttp.ClientPayloadError("a line without an end")
        for line in filter(None, map(bytes.strip, lines)):
            yield _event(line, names)


def _event(line: bytes, names: Mapping[str, str]) -> bytes:
    said = line.removeprefix(DATA).strip()
    if not line.startswith(DATA):
        return b""
    if said == b"[DONE]":
        return b"data: [DONE]\n\n"
    try:
        return b"data: " + orjson.dumps(_under_our_name(orjson.loads(said), names)) + b"\n\n"
    except (orjson.JSONDecodeError, TypeError) as exc:
        raise aiohttp.ClientPayloadError("an event that is no JSON object") from exc


def _under_our_name(answer: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """An answer with our name for its model, and its error, if it is one, in words without theirs."""
    if not isinstance(answer, dict):
        raise TypeError("no JSON object")
    renamed = {**answer, "model": next(iter(names.values()))}
    if "error" in renamed:
        renamed["error"] = {
            "message": _said(answer["error"], names),
            "type": "server_error",
            "param": None,
            "code": None,
        }
    return renamed


def _said(error: Any, names: Mapping[str, str]) -> str:
    """A provider's sentence under our names."""
    text = str(error["message"]) if isinstance(error, dict) and "message" in error else "no readable error"
    for theirs, ours in names.items():
        text = text.replace(theirs, ours)
    return text[:MAX_SAID]


def _failure(status: int, raw: bytes, names: Mapping[str, str]) -> EngineRefused | EngineUnavailable:
    """The provider's error as ours: what is the request's fault in its words, what is the operator's with the mend."""
    if status in (401, 403):
        return EngineUnavailable("the provider refuses the gateway's key; set TUNEGATE_UPSTREAM_API_KEY")
    try:
        error = orjson.loads(raw)["error"]
        message, param, code = _said(error, names), error.get("param"), error.get("code")
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return EngineUnavailable(f"the provider answered {status} and no readable error")
    if status in (400, 422):
        too_long = code == "context_length_exceeded" or "context length" in message
        return (ContextTooLong if too_long else EngineRefused)(message, param=param)
    if status == 404:
        return EngineUnavailable("the provider does not know the model any more; the operator has to look there")
    return EngineUnavailable(f"the provider answered {status}: {message}")
