"""The JSON of chat completions, whole and in chunks, key for key as OpenAI sends it."""

from dataclasses import dataclass
from typing import Any

from moderation.chat import Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What every piece of one answer repeats."""

    id: str
    created: int
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One finished reply of an answer."""

    index: int
    text: str
    finish: Finish
    n_tokens: int
    logprobs: list[dict[str, Any]] | None = None
    """One entry a token, when they were asked for."""


def completion(header: Header, choices: tuple[Choice, ...], n_prompt: int) -> dict[str, Any]:
    """A whole answer."""
    return {
        **_envelope(header, "chat.completion"),
        "choices": [
            {
                "index": choice.index,
                "message": {"role": "assistant", "content": choice.text, "refusal": None, "annotations": []},
                "logprobs": None if choice.logprobs is None else {"content": choice.logprobs, "refusal": None},
                "finish_reason": choice.finish.value,
            }
            for choice in choices
        ],
        "usage": usage(n_prompt, sum(choice.n_tokens for choice in choices)),
    }


def chunk(
    header: Header, index: int, delta: dict[str, str], finish: Finish | None, *, with_usage: bool
) -> dict[str, Any]:
    """A piece of a streamed answer; `usage` is null in all but the last when usage was asked for."""
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish.value if finish else None}
    return {
        **_envelope(header, "chat.completion.chunk"),
        "choices": [choice],
        **({"usage": None} if with_usage else {}),
    }


def usage_chunk(header: Header, n_prompt: int, n_completion: int) -> dict[str, Any]:
    """The extra last chunk of a stream that asked for usage."""
    return {**_envelope(header, "chat.completion.chunk"), "choices": [], "usage": usage(n_prompt, n_completion)}


def usage(n_prompt: int, n_completion: int) -> dict[str, Any]:
    """Token counts; `n_completion` is over all choices."""
    return {
        "prompt_tokens": n_prompt,
        "completion_tokens": n_completion,
        "total_tokens": n_prompt + n_completion,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _envelope(header: Header, kind: str) -> dict[str, Any]:
    return {
        "id": header.id,
        "object": kind,
        "created": header.created,
        "model": header.model,
        "service_tier": "default",
        "system_fingerprint": None,
    }
