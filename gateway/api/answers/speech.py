"""The shape of what models and classifiers answer, for `GET /openapi.json`."""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

Reason = Literal["stop", "length", "tool_calls", "content_filter", "function_call"]


class FunctionCall(TypedDict):
    """A function and its arguments, as JSON in a text."""

    name: str
    arguments: str


class CallObject(TypedDict):
    """A tool that the model calls."""

    id: str
    type: Literal["function"]
    function: FunctionCall


class SpokenMessage(TypedDict):
    """What an assistant said."""

    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    annotations: list[dict[str, Any]]
    tool_calls: NotRequired[list[CallObject]]
    function_call: NotRequired[FunctionCall]


class ChatChoice(TypedDict):
    """One of `n` answers."""

    index: int
    message: SpokenMessage
    logprobs: dict[str, Any] | None
    finish_reason: Reason


class ChatCompletion(TypedDict):
    """A `chat.completion`."""

    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: dict[str, Any] | None
    service_tier: Literal["default"]
    system_fingerprint: str


class CompletionChoice(TypedDict):
    """One answer to one prompt."""

    index: int
    text: str
    logprobs: dict[str, Any] | None
    finish_reason: Reason


class CompletionUsage(TypedDict):
    """Tokens of all prompts together."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(TypedDict):
    """A `text_completion`."""

    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage
    system_fingerprint: str


class ModerationResult(TypedDict):
    """What was found in one text, by OpenAI's thirteen keys."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Literal["text"]]]


class ModerationObject(TypedDict):
    """What was found in each text."""

    id: str
    model: str
    results: list[ModerationResult]


class Health(TypedDict):
    """The process answers."""

    status: Literal["ok"]


class Readiness(TypedDict):
    """Whether all can be served, and what is missing."""

    status: Literal["ready", "unready"]
    missing: list[str]
