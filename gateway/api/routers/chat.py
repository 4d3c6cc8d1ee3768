"""`/v1/chat/completions`, answered by the engine that serves the model."""

import logging
from collections.abc import AsyncGenerator, Mapping, MutableMapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from deploy.errors import NotReleased
from gateway.api.auth import Here, Who
from gateway.api.chat_requests import ChatRequest, read_chat
from gateway.api.errors import envelope, internal_error, model_not_found, translate, unavailable
from gateway.api.observing import note
from gateway.api.services import Route, Services
from gateway.api.sse import BrokenStream, read_events, write_done, write_event
from gateway.api.wire import Body, json_response
from gateway.errors import ApiError
from gateway.store.ids import IdKind
from gateway.telemetry.spans import PROVIDER, Attribute
from moderation.errors import TunegateError

router = APIRouter()
logger = logging.getLogger(__name__)


@router.post("/v1/chat/completions")
async def create(request: Request, services: Here, caller: Who, body: Body) -> Response:
    """Answer with a released model or a base. Every other name is unknown, whatever its reason."""
    asked = read_chat(body)
    route = await services.router.resolve(caller.project_id, asked.model)
    if route is None:
        raise model_not_found(asked.model)
    completion_id = services.ids.new(IdKind.CHAT)
    told = note(request, attributes=_asked(asked, completion_id)).attributes
    to_engine = asked.to_engine() | {"model": route.model}
    try:
        if asked.model.startswith("ft:"):
            await services.prompts.admit(asked.model, asked.system)
        if asked.stream:
            return await _streamed(services, route, asked, to_engine, completion_id, told)
        status, answer = await services.router.post(route, to_engine)
    except NotReleased as exc:  # it did not verify when an engine was to load it, or was just revoked
        raise model_not_found(asked.model) from exc
    if status != 200:
        raise _refusal(status, answer, asked.model)
    _count(told, answer)
    return json_response(_completion(answer, asked.model, completion_id, services.now()))


def _asked(asked: ChatRequest, completion_id: str) -> dict[str, Attribute]:
    """What a span says of a request, under the names of the GenAI conventions."""
    told: dict[str, Attribute | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": asked.model,
        "gen_ai.response.model": asked.model,
        "gen_ai.response.id": completion_id,
        "gen_ai.request.temperature": asked.temperature,
        "gen_ai.request.top_p": asked.top_p,
        "gen_ai.request.seed": asked.seed,
        "gen_ai.request.choice.count": asked.n,
        "gen_ai.request.max_tokens": asked.max_completion_tokens or asked.max_tokens,
        "gen_ai.request.stream": asked.stream,
    }
    return {name: value for name, value in told.items() if value is not None}


def _count(told: MutableMapping[str, Attribute], answer: Mapping[str, Any]) -> None:
    """Add an answer's token counts, where it has them, to what its span says."""
    usage = answer.get("usage") or {}
    for ours, theirs in (("input", "prompt"), ("output", "completion")):
        if isinstance(count := usage.get(f"{theirs}_tokens"), int):
            told[f"gen_ai.usage.{ours}_tokens"] = count


def _completion(answer: Mapping[str, Any], model: str, completion_id: str, now: int) -> dict[str, Any]:
    """The engine's answer under the client's name for the model, with every key that SDKs require."""
    choices = [
        {
            "index": choice["index"],
            "message": {"refusal": None, "annotations": []} | choice["message"],
            "logprobs": choice.get("logprobs"),
            "finish_reason": choice["finish_reason"],
        }
        for choice in answer["choices"]
    ]
    return {
        "id": completion_id,
        "object": "chat.completion",
        "created": now,
        "model": model,
        "choices": choices,
        "usage": answer.get("usage"),
        "service_tier": "default",
        "system_fingerprint": answer.get("system_fingerprint"),
    }


async def _streamed(
    services: Services,
    route: Route,
    asked: ChatRequest,
    to_engine: Mapping[str, Any],
    completion_id: str,
    told: MutableMapping[str, Attribute],
) -> Response:
    """Start the stream, and answer with a status while none of it was sent."""
    events = read_events(services.router.stream(route, to_engine))
    try:
        first = await anext(events)
    except (BrokenStream, StopAsyncIteration) as exc:
        raise unavailable() from exc
    if "error" in first:
        raise _refusal(400, first, asked.model)
    frame = {"id": completion_id, "created": services.now(), "model": asked.model}

    async def chunks() -> AsyncGenerator[bytes]:
        try:
            yield write_event(_chunk(first, frame, asked.include_usage))
            async for event in events:
                if "error" in event:
                    yield write_event(envelope(_refusal(500, event, asked.model)))
                    return
                _count(told, event)
                yield write_event(_chunk(event, frame, asked.include_usage))
            yield write_done()
        except (BrokenStream, TunegateError) as exc:
            logger.warning("stream %s broke off: %s", completion_id, exc)
            failure = translate(exc) if isinstance(exc, TunegateError) else internal_error()
            yield write_event(envelope(failure))

    return StreamingResponse(chunks(), media_type="text/event-stream", headers={"cache-control": "no-cache"})


def _chunk(event: Mapping[str, Any], frame: Mapping[str, Any], with_usage: bool) -> dict[str, Any]:
    """A chunk under the client's name for the model; `usage` is null in all but the last when asked for."""
    choices = [
        {
            "index": choice["index"],
            "delta": choice["delta"],
            "logprobs": None,
            "finish_reason": choice.get("finish_reason"),
        }
        for choice in event.get("choices", ())
    ]
    chunk = {**frame, "object": "chat.completion.chunk", "choices": choices, "system_fingerprint": None}
    return chunk | ({"usage": event.get("usage")} if with_usage else {})


def _refusal(status: int, answer: Mapping[str, Any], model: str) -> ApiError:
    """The engine's error: its words when the request is at fault, ours when the engine is."""
    error = answer.get("error")
    if status in (403, 404):  # a seal that no longer verifies takes the model away
        return model_not_found(model)
    if status == 413:
        return ApiError(413, "The conversation is too long for the engine; send less of it.", param="messages")
    if status != 400 or not isinstance(error, Mapping):
        return unavailable()
    param, code = error.get("param"), error.get("code")
    return ApiError(400, str(error.get("message") or "The engine refused the request."), param=param, code=code)
