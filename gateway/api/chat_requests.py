"""A chat request: what is honoured is checked, what is harmless is dropped, the rest is refused by name."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BeforeValidator, Field, StrictBool, StrictInt, StrictStr, StringConstraints

from gateway.api.chat_tools import MAX_TOOLS, Called, Choice, Format, Tool, ToolCall, check_choice, modern
from gateway.api.schemas import TextPart, Wire
from gateway.api.wire import check
from gateway.errors import ApiError

MAX_N = 128
MAX_MESSAGES = 4_096
MAX_BIASES = 1_024
SEED = 2**63
Penalty = Annotated[float, Field(strict=True, ge=-2, le=2)]


class RefusalPart(Wire):
    """What an assistant would not do, in its words."""

    type: Literal["refusal"]
    refusal: StrictStr


def _no_audio(value: Any) -> None:
    if value is not None:
        raise ValueError("audio is not supported by this gateway; send what was said as text")


class ChatMessage(Wire):
    """One turn. Content parts are joined, and so is a refusal, which an assistant's turn may have in their place."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: StrictStr | list[Annotated[TextPart | RefusalPart, Field(discriminator="type")]] | None = None
    name: StrictStr | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: StrictStr | None = None
    function_call: Called | None = None
    refusal: StrictStr | None = None
    audio: Annotated[None, BeforeValidator(_no_audio)] = None

    @property
    def text(self) -> str:
        """What was said, as one text."""
        said = self.content or ""
        if isinstance(said, list):
            said = "\n".join(part.text if isinstance(part, TextPart) else part.refusal for part in said)
        return "\n".join(filter(None, (said, self.refusal))) if self.refusal else said

    def to_engine(self) -> dict[str, Any]:
        """The turn as plain text; a function of the older kind is a tool whose calls are known by its name."""
        turn: dict[str, Any] = {"role": self.role, "content": self.text}
        turn |= {"name": self.name} if self.name and self.role != "function" else {}
        if self.role == "function":
            turn |= {"role": "tool", "tool_call_id": self.name or "function"}
        elif self.tool_call_id:
            turn["tool_call_id"] = self.tool_call_id
        calls = [call.model_dump() for call in self.tool_calls or ()]
        if self.function_call:
            function = self.function_call.model_dump()
            calls.append({"id": function["name"], "type": "function", "function": function})
        return turn | ({"tool_calls": calls, "content": self.text or None} if calls else {})


class StreamOptions(Wire):
    """How to stream."""

    include_usage: StrictBool | None = None


class ChatRequest(Wire):
    """The fields of `POST /v1/chat/completions` that decide the answer."""

    model: Annotated[StrictStr, StringConstraints(min_length=1, max_length=512)]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_tokens: Annotated[StrictInt, Field(ge=1, le=1 << 20)] | None = None
    max_completion_tokens: Annotated[StrictInt, Field(ge=1, le=1 << 20)] | None = None
    temperature: Annotated[float, Field(strict=True, ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(strict=True, ge=0, le=1)] | None = None
    n: Annotated[StrictInt, Field(ge=1, le=MAX_N)] | None = None
    stop: StrictStr | Annotated[list[StrictStr], Field(max_length=4)] | None = None
    seed: Annotated[StrictInt, Field(ge=-SEED, lt=SEED)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: (
        Annotated[
            dict[
                Annotated[StrictStr, StringConstraints(pattern=r"^[0-9]{1,9}$")],
                Annotated[float, Field(strict=True, ge=-100, le=100)],
            ],
            Field(max_length=MAX_BIASES),
        ]
        | None
    ) = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[StrictInt, Field(ge=0, le=20)] | None = None
    response_format: Format | None = None
    tools: Annotated[list[Tool], Field(max_length=MAX_TOOLS)] | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: StrictBool | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk of token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def conditions(self) -> str:
        """What the answer is given under: every system and developer turn, wherever it stands, and whatever else
        steers the model past the conversation (tools, a form of the answer, biased tokens); '' without any.
        """
        turns = [turn.text for turn in self.messages if turn.role in ("system", "developer")]
        steers = self._steers()
        # No text of an audited system prompt can be mistaken for the JSON behind a NUL, which bodies must not hold.
        return "\n".join(turns) + ("\0" + orjson.dumps(steers, option=orjson.OPT_SORT_KEYS).decode() if steers else "")

    def _steers(self) -> dict[str, Any]:
        if not (self.tools or self.tool_choice or self.response_format or self.logit_bias):
            return {}
        steers = self.model_dump(
            include={"tools", "tool_choice", "response_format", "logit_bias"}, exclude_none=True, by_alias=True
        )
        if not self.tools:
            steers.pop("tools", None)
            steers.pop("tool_choice", None)
        if steers.get("response_format") == {"type": "text"}:
            del steers["response_format"]
        return {name: value for name, value in steers.items() if value}

    def to_engine(self) -> dict[str, Any]:
        """The body for the engine, without the model's name; what was left out is left out."""
        fields = ("temperature", "top_p", "n", "stop", "seed", "stream")
        body: dict[str, Any] = {name: value for name in fields if (value := getattr(self, name)) is not None}
        body |= {name: value for name in ("frequency_penalty", "presence_penalty") if (value := getattr(self, name))}
        limit = self.max_completion_tokens or self.max_tokens
        if limit is not None:
            body["max_tokens"] = limit
        if self.logprobs:
            body |= {"logprobs": True, "top_logprobs": self.top_logprobs or 0}
        if self.stream and self.include_usage:
            body["stream_options"] = {"include_usage": True}
        body |= self._steers()
        if self.tools and self.parallel_tool_calls is not None:
            body["parallel_tool_calls"] = self.parallel_tool_calls
        body["messages"] = [message.to_engine() for message in self.messages]
        return body


HONOURED = frozenset(ChatRequest.model_fields)

HARMLESS = frozenset(
    {
        "user",
        "safety_identifier",
        "metadata",
        "store",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "verbosity",
        "reasoning_effort",
        "prediction",
        "include_obfuscation",
    }
)
"""Accepted and dropped: no answer depends on them."""

NEUTRAL: Mapping[str, Callable[[Any], bool]] = {
    "modalities": lambda value: value in (None, [], ["text"]),
    "audio": lambda value: value is None or value == {},
    "web_search_options": lambda value: value is None,
    "moderation": lambda value: value is None,
}
"""Not supported, but for the values that change nothing."""


def read_chat(body: Mapping[str, Any]) -> ChatRequest:
    """The checked request. Raises a 400 that names a parameter that cannot be honoured."""
    body = modern(body)
    for name, value in body.items():
        if name in HONOURED or name in HARMLESS:
            continue
        neutral = NEUTRAL.get(name)
        if neutral is None:
            if value is None:
                continue
            raise ApiError(400, f"Unrecognized request argument supplied: {name[:64]}", param=name[:64])
        if not neutral(value):
            message = f"Unsupported parameter: '{name}' is not supported by this gateway with the value that was sent."
            raise ApiError(400, message, param=name, code="unsupported_parameter")
    asked = check(ChatRequest, body)
    if asked.top_logprobs and not asked.logprobs:
        raise ApiError(400, "'top_logprobs' needs 'logprobs' to be true.", param="top_logprobs")
    check_choice(asked.tools, asked.tool_choice)
    return asked
