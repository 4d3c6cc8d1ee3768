"""An engine's answers under the client's name for the model, with every key that SDKs require."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any

Json = Mapping[str, Any]


def fingerprint(model: str) -> str:
    """`system_fingerprint`: another one when the model's name or this software is another."""
    return f"fp_{hashlib.sha256(f'{model} {_software()}'.encode()).hexdigest()[:10]}"


@cache
def _software() -> str:
    return version("tunegate")


def completion(answer: Json, frame: Json, *, functions: bool) -> dict[str, Any]:
    """A `chat.completion`. `frame` has all but what was said; `functions` asks for the spelling before tools."""
    choices = [
        {
            "index": choice["index"],
            "message": {"refusal": None, "annotations": []} | _said(choice["message"], functions),
            "logprobs": choice.get("logprobs"),
            "finish_reason": _reason(choice["finish_reason"], functions),
        }
        for choice in answer["choices"]
    ]
    return {
        **frame,
        "object": "chat.completion",
        "choices": choices,
        "usage": answer.get("usage"),
        "service_tier": "default",
    }


def chunk(event: Json, frame: Json, *, with_usage: bool, functions: bool) -> dict[str, Any]:
    """A `chat.completion.chunk`; `usage` is null in all but the last when asked for."""
    choices = [
        {
            "index": choice["index"],
            "delta": _said(choice["delta"], functions),
            "logprobs": choice.get("logprobs"),
            "finish_reason": _reason(choice.get("finish_reason"), functions),
        }
        for choice in event.get("choices", ())
    ]
    written = {**frame, "object": "chat.completion.chunk", "choices": choices}
    return written | ({"usage": event.get("usage")} if with_usage else {})


def _said(message: Json, functions: bool) -> dict[str, Any]:
    """A message or a part of one, without fields that an engine adds and this contract does not know."""
    known = ("role", "content", "refusal", "annotations", "tool_calls")
    said = {name: message[name] for name in known if name in message}
    calls: Sequence[Json] = said.get("tool_calls") or ()
    if not calls:
        said.pop("tool_calls", None)
    elif functions:
        del said["tool_calls"]
        said["function_call"] = calls[0]["function"]
    return said


def _reason(reason: str | None, functions: bool) -> str | None:
    return "function_call" if functions and reason == "tool_calls" else reason
