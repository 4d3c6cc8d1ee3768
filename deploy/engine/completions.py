"""The JSON of chat completions, whole and in chunks, key for key as OpenAI sends it."""

from dataclasses import dataclass
from typing import Any

from deploy.engine.tools import Call
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
    """One entry a token, when they were asked for and not streamed."""
    calls: tuple[Call, ...] = ()
    """Calls of tools; `text` is then what was said before them."""

    @property
    def reason(self) -> str:
        """`finish_reason` on the wire."""
        return "tool_calls" if self.calls else self.finish.value


def completion(header: Header, choices: tuple[Choice, ...], n_prompt: int) -> dict[str, Any]:
    """A whole answer."""
    return {
        **_envelope(header, "chat.completion"),
        "choices": [
            {
                "index": choice.index,
                "message": _message(header, choice),
                "logprobs": _scores(choice.logprobs),
                "finish_reason": choice.reason,
            }
            for choice in choices
        ],
        "usage": usage(n_prompt, sum(choice.n_tokens for choice in choices)),
    }


def chunk(
    header: Header,
    index: int,
    delta: dict[str, Any],
    reason: str | None = None,
    *,
    logprobs: list[dict[str, Any]] | None = None,
    with_usage: bool,
) -> dict[str, Any]:
    """A piece of a streamed answer; `usage` is null in all but the last when usage was asked for."""
    choice = {"index": index, "delta": delta, "logprobs": _scores(logprobs), "finish_reason": reason}
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


def calls(header: Header, choice: Choice) -> list[dict[str, Any]]:
    """A choice's calls; their ids are the answer's with the places of choice and call."""
    answer = header.id.removeprefix("chatcmpl-")
    return [
        {
            "id": f"call_{answer}{choice.index:02x}{at:02x}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for at, call in enumerate(choice.calls)
    ]


def _message(header: Header, choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": choice.text, "refusal": None, "annotations": []}
    if not choice.calls:
        return message
    return message | {"content": choice.text.strip() or None, "tool_calls": calls(header, choice)}


def _scores(entries: list[dict[str, Any]] | None) -> dict[str, Any] | None:
    return None if entries is None else {"content": entries, "refusal": None}


def _envelope(header: Header, kind: str) -> dict[str, Any]:
    return {
        "id": header.id,
        "object": kind,
        "created": header.created,
        "model": header.model,
        "service_tier": "default",
        "system_fingerprint": None,
    }
