"""From a model's name to the engine that serves it.

What is released, and where engines answer, is remembered for as long as the database confirms it: what was revoked a
moment ago is gone, and a database that does not answer means that nothing is served.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import orjson

from deploy.errors import EngineRefused, EngineUnavailable, NotReleased
from gateway.api.services import Route
from gateway.engine_client import Answer, BrokenAnswer, EngineClient
from gateway.store import engines, released
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.decisions import POLICY
from gateway.store.engines import AddressOf, EngineAddress
from gateway.store.errors import DatabaseUnavailable
from gateway.store.models import Model
from gateway.store.released import BaseOf

START_TIMEOUT_S = 90.0
"""How long a request waits for an engine that has yet to start."""
TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that was loaded into one engine process."""

    uds: str
    model: str


class EngineRouter:
    """`gateway.api.services.ChatRouter` over the serving engines that workers lease out."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        *,
        bases: Collection[str],
        machine: str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._bases = bases
        self._machine = machine
        self._clock = clock
        self._monotonic = monotonic
        self._clients: dict[tuple[str, str], EngineClient] = {}
        self._loaded: set[Loaded] = set()
        self._loading: dict[Loaded, asyncio.Lock] = {}

    async def resolve(self, project_id: str, model: str) -> Route | None:
        """Where a released model of the project, or a trusted base, answers; None for any other name."""
        if model in self._bases:
            return Route(engine_id=model, model=model)
        try:
            base = await self._database.memory.get(BaseOf(project_id, model))
        except DatabaseUnavailable as exc:
            raise EngineUnavailable("it cannot be told which models are released; try again") from exc
        return None if base is None else Route(engine_id=base, model=model)

    async def post(self, route: Route, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Ask for a completion; status and JSON body of the answer. Raises `EngineUnavailable`."""
        status, answer = await self._post_once(route, body)
        if status == 404:  # the engine made room, or is a new process under a known address
            self._forget(route)
            status, answer = await self._post_once(route, body)
        return status, answer

    async def stream(self, route: Route, body: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """Ask for a streamed completion. Raises `EngineUnavailable` or `EngineRefused`."""
        for attempt in (1, 2):
            address = await self._ready(route)
            try:
                async with self._ask(address, "chat/completions", {**body, "model": route.model}) as response:
                    if response.status == 404 and attempt == 1:
                        self._forget(route)
                        continue
                    if response.status != 200:
                        raise _failure(response.status, await response.read())
                    async for piece in response.pieces():
                        yield piece
                    return
            except (BrokenAnswer, OSError) as exc:
                raise EngineUnavailable(f"the engine stopped answering ({type(exc).__name__}); try again") from exc

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            client.close()

    async def _post_once(self, route: Route, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        address = await self._ready(route)
        try:
            async with self._ask(address, "chat/completions", {**body, "model": route.model}) as response:
                answer: Mapping[str, Any] = orjson.loads(await response.read())
                return response.status, answer
        except (BrokenAnswer, OSError, orjson.JSONDecodeError) as exc:
            raise EngineUnavailable(f"the engine stopped answering ({type(exc).__name__}); try again") from exc

    def _ask(self, address: EngineAddress, path: str, body: Mapping[str, Any]) -> AbstractAsyncContextManager[Answer]:
        process = address.uds, address.secret
        client = self._clients.get(process)
        if client is None:
            client = self._clients[process] = EngineClient(*process, timeout_s=TIMEOUT_S)
        return client.post(f"/v1/{path}", orjson.dumps(body))

    async def _ready(self, route: Route) -> EngineAddress:
        """The engine's address once it runs and has the model loaded. Raises `EngineUnavailable`."""
        address = await self._address(route.engine_id)
        if route.model != route.engine_id:
            await self._load(route, address)
        return address

    async def _address(self, engine_id: str) -> EngineAddress:
        lease_id = engines.at(self._machine, engine_id)
        memory, question = self._database.memory, AddressOf(lease_id)
        address = await memory.get(question)
        if address is not None and self._clock() <= address.until:
            return address
        memory.forget(question)
        deadline = self._monotonic() + START_TIMEOUT_S
        while True:
            address = await asyncio.to_thread(self._want, lease_id)
            if address is not None:
                return address
            if self._monotonic() > deadline:
                raise EngineUnavailable(f"no worker here started an engine for {engine_id} in {START_TIMEOUT_S:g} s")
            await asyncio.sleep(0.1)

    async def _load(self, route: Route, address: EngineAddress) -> None:
        loaded = Loaded(uds=address.uds, model=route.model)
        if loaded in self._loaded:
            return
        async with self._loading.setdefault(loaded, asyncio.Lock()):
            if loaded in self._loaded:
                return
            row = await asyncio.to_thread(self._by_name, route.model)
            if row is None:
                raise NotReleased(f"{route.model} was taken out of service a moment ago")
            path = await asyncio.to_thread(self._blobs.local_tree, row.artefact_key)
            wanted = {"lora_name": route.model, "lora_path": str(path), "digest": row.digest}
            try:
                async with self._ask(address, "load_lora_adapter", wanted) as response:
                    if response.status == 403:  # the engine does not find it to be what was released
                        problem = _failure(403, await response.read())
                        await asyncio.to_thread(self._hold, route.model, str(problem))
                        raise NotReleased(str(problem))
                    if response.status != 200:
                        raise _failure(response.status, await response.read())
            except (BrokenAnswer, OSError) as exc:
                raise EngineUnavailable(f"the engine stopped answering ({type(exc).__name__}); try again") from exc
            self._loaded.add(loaded)

    def _forget(self, route: Route) -> None:
        self._loaded = {loaded for loaded in self._loaded if loaded.model != route.model}

    def _by_name(self, model: str) -> Model | None:
        with self._database.read() as session:
            return released.in_service(session, model)

    def _hold(self, model: str, why: str) -> None:
        with self._database.write() as session:
            row = released.in_service(session, model)
            if row is not None:
                released.hold(session, row, why=why, actor=POLICY, now=int(self._clock()))

    def _want(self, lease_id: str) -> EngineAddress | None:
        with self._database.write() as session:
            return engines.want(session, lease_id, now=int(self._clock()))


def _failure(status: int, raw: bytes) -> EngineRefused | EngineUnavailable:
    """The engine's error; one about an artefact that does not verify means that the model is not served."""
    try:
        error = orjson.loads(raw)["error"]
        message, param = str(error["message"]), error.get("param")
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return EngineUnavailable(f"the engine answered {status} and no readable error")
    if status == 400:
        return EngineRefused(message, param=param)
    return EngineUnavailable(message)
