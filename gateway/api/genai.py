"""What a span says of a request to a model, under the names of OpenTelemetry's GenAI conventions."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from fastapi import Request

from gateway.api.chat_requests import ChatRequest
from gateway.api.observing import note
from gateway.telemetry.spans import PROVIDER, Attribute


def describe(request: Request, asked: ChatRequest, completion_id: str) -> MutableMapping[str, Attribute]:
    """Begin what the span of a request will say; token counts are added with `count`."""
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
    return note(request, attributes={name: value for name, value in told.items() if value is not None}).attributes


def count(told: MutableMapping[str, Attribute], answer: Mapping[str, Any]) -> None:
    """Add an answer's token counts, where it has them."""
    usage = answer.get("usage") or {}
    for ours, theirs in (("input", "prompt"), ("output", "completion")):
        if isinstance(n := usage.get(f"{theirs}_tokens"), int):
            name = f"gen_ai.usage.{ours}_tokens"
            before = told.get(name, 0)
            told[name] = n + (before if isinstance(before, int) else 0)
