"""Asking the engine that serves a model: every route that lets a model speak goes through here."""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import StreamingResponse

from deploy.errors import NotReleased
from gateway.api.auth import Asker
from gateway.api.chat_requests import ChatRequest
from gateway.api.errors import envelope, internal_error, model_not_found, translate, unavailable
from gateway.api.genai import count
from gateway.api.metering import Meter, reserve
from gateway.api.services import Route
from gateway.api.sse import BrokenStream, read_events, write_done, write_event
from gateway.errors import ApiError
from gateway.telemetry.spans import Attribute
from moderation.errors import TunegateError

logger = logging.getLogger(__name__)
Json = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Asking:
    """One client's request, which may ask a model several times."""

    asker: Asker
    told: MutableMapping[str, Attribute]
    """What the request's span says; token counts are added."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Rate limit headers for the response, known once the model was asked."""

    async def answer(self, asked: ChatRequest) -> Json:
        """The engine's whole answer. Raises what a client is to see: a 404 for every name but a released model's or
        a base's, whatever its reason.
        """
        try:
            route, meter = await self._admitted(asked)
            status, answered = await self._post(route, meter, asked)
        except NotReleased as exc:  # it did not verify when an engine was to load it, or was just revoked
            raise model_not_found(asked.model) from exc
        meter.settle(answered.get("usage") if status == 200 else None)
        if status != 200:
            raise _refusal(status, answered, asked.model)
        count(self.told, answered)
        return answered

    async def stream(self, asked: ChatRequest) -> AsyncIterator[Json]:
        """The engine's events. The first was waited for, so that what is refused still has a status of its own;
        what goes wrong later is raised in mid-stream.
        """
        try:
            route, meter = await self._admitted(asked)
            wanted = asked.to_engine() | {"model": route.model}
            if meter.claims:
                wanted["stream_options"] = {"include_usage": True}
            read = read_events(self.asker.services.router.stream(route, wanted))
            events = meter.watch(read, passes_usage=asked.include_usage)
            first = await anext(events)
        except (BrokenStream, StopAsyncIteration) as exc:
            raise unavailable() from exc
        except NotReleased as exc:
            raise model_not_found(asked.model) from exc
        if "error" in first:
            raise _refusal(400, first, asked.model)

        async def every() -> AsyncIterator[Json]:
            count(self.told, first)
            yield first
            async for event in events:
                if "error" in event:
                    raise _refusal(500, event, asked.model)
                count(self.told, event)
                yield event

        return every()

    async def _admitted(self, asked: ChatRequest) -> tuple[Route, Meter]:
        services = self.asker.services
        route = await services.router.resolve(self.asker.caller.project_id, asked.model)
        if route is None:
            raise model_not_found(asked.model)
        meter = await reserve(self.asker, asked)
        self.headers = meter.headers
        if asked.model.startswith("ft:"):
            try:
                await services.prompts.admit(asked.model, asked.conditions, self.asker.caller.policy_name)
            except TunegateError:
                meter.forgo()
                raise
        return route, meter

    async def _post(self, route: Route, meter: Meter, asked: ChatRequest) -> tuple[int, Json]:
        try:
            return await self.asker.services.router.post(route, asked.to_engine() | {"model": route.model})
        except TunegateError:  # what was reserved for a client that hung up stands: it was computed for
            meter.forgo()
            raise


def streamed(chunks: AsyncIterator[Json], completion_id: str, headers: Mapping[str, str]) -> StreamingResponse:
    """Chunks as server-sent events, with an error event at the end where they break off."""

    async def written() -> AsyncGenerator[bytes]:
        try:
            async for chunk in chunks:
                yield write_event(chunk)
            yield write_done()
        except (BrokenStream, TunegateError) as exc:
            logger.warning("stream %s broke off: %s", completion_id, type(exc).__name__)
            failure = translate(exc) if isinstance(exc, TunegateError) else internal_error()
            yield write_event(envelope(failure))

    return StreamingResponse(
        written(), media_type="text/event-stream", headers={"cache-control": "no-cache", **headers}
    )


def _refusal(status: int, answered: Json, model: str) -> ApiError:
    """The engine's error: its words when the request is at fault, ours when the engine is."""
    error = answered.get("error")
    if status in (403, 404):  # a seal that no longer verifies takes the model away
        return model_not_found(model)
    if status == 413:
        return ApiError(413, "The conversation is too long for the engine; send less of it.", param="messages")
    if status != 400 or not isinstance(error, Mapping):
        return unavailable()
    param, code = error.get("param"), error.get("code")
    return ApiError(400, str(error.get("message") or "The engine refused the request."), param=param, code=code)
