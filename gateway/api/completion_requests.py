"""A legacy completion request. A prompt is asked as a user's turn: so were rows of prompt and completion trained on,
and under the chat template alone a model was audited.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictInt, StrictStr, StringConstraints

from gateway.api.chat_requests import HARMLESS, ChatMessage, ChatRequest, Penalty, StreamOptions
from gateway.api.schemas import Wire
from gateway.api.wire import check
from gateway.errors import ApiError

MAX_CHOICES = 128
"""Prompts times choices of each."""
DEFAULT_TOKENS = 16
BEGINNING = "<|endoftext|>"
"""OpenAI's default prompt."""


class CompletionRequest(Wire):
    """The fields of `POST /v1/completions`."""

    model: Annotated[StrictStr, StringConstraints(min_length=1, max_length=512)]
    prompt: StrictStr | Annotated[list[StrictStr], Field(min_length=1, max_length=MAX_CHOICES)] | None = None
    """None, as OpenAI's `<|endoftext|>`, is the beginning of a document: a turn without a word."""
    max_tokens: Annotated[StrictInt, Field(ge=0, le=1 << 20)] | None = None
    temperature: Annotated[float, Field(strict=True)] | None = None
    top_p: Annotated[float, Field(strict=True)] | None = None
    n: Annotated[StrictInt, Field(ge=1, le=MAX_CHOICES)] | None = None
    best_of: Annotated[StrictInt, Field(ge=1, le=20)] | None = None
    logprobs: Annotated[StrictInt, Field(ge=0, le=5)] | None = None
    echo: StrictBool | None = None
    stop: StrictStr | list[StrictStr] | None = None
    seed: StrictInt | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Any] | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None

    @property
    def prompts(self) -> tuple[str, ...]:
        """One or more."""
        given = [self.prompt] if self.prompt is None or isinstance(self.prompt, str) else self.prompt
        return tuple("" if prompt in (None, BEGINNING) else prompt for prompt in given)

    @property
    def n_choices(self) -> int:
        """Choices that are given back for each prompt."""
        return self.n or 1

    @property
    def include_usage(self) -> bool:
        """Whether a stream ends with a chunk of token counts."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def chats(self) -> tuple[ChatRequest, ...]:
        """One chat request for each prompt. Raises a 400 for a value that a chat may not have either."""
        shared = self.model_dump(
            include={
                "model", "temperature", "top_p", "stop", "seed", "frequency_penalty", "presence_penalty",
                "logit_bias", "stream",
            }
        )  # fmt: skip
        asked = shared | {
            # None at all cannot be asked of an engine: of none, one is made and left out of the answer.
            "max_tokens": DEFAULT_TOKENS if self.max_tokens is None else max(self.max_tokens, 1),
            "n": self.best_of or self.n_choices,
            "logprobs": self.logprobs is not None or self.best_of is not None,
            "top_logprobs": self.logprobs,
            "stream_options": {"include_usage": True} if self.stream else None,
        }
        return tuple(
            check(ChatRequest, asked | {"messages": [ChatMessage(role="user", content=prompt).model_dump()]})
            for prompt in self.prompts
        )


def read_completion(body: Mapping[str, Any]) -> CompletionRequest:
    """The checked request. Raises a 400 that names a parameter that cannot be honoured."""
    for name, value in body.items():
        if name not in CompletionRequest.model_fields and name not in HARMLESS and value not in (None, ""):
            known = "is not supported by this gateway" if name == "suffix" else "is unknown"
            raise ApiError(400, f"Unsupported parameter: '{name[:64]}' {known}.", param=name[:64])
    prompt = body.get("prompt")
    if isinstance(prompt, list) and prompt and not isinstance(prompt[0], str):
        message = "'prompt' holds token ids, which would pass the model's chat template by; send text."
        raise ApiError(400, message, param="prompt", code="unsupported_value")
    asked = check(CompletionRequest, body)
    if asked.best_of is not None and (asked.stream or asked.best_of < asked.n_choices):
        raise ApiError(400, "'best_of' must be at least 'n', and cannot be streamed.", param="best_of")
    if asked.echo and asked.logprobs is not None:
        raise ApiError(400, "'echo' cannot be combined with 'logprobs': prompts are not scored.", param="logprobs")
    if len(asked.prompts) * (asked.best_of or asked.n_choices) > MAX_CHOICES:
        raise ApiError(400, f"'prompt' and 'n' ask for more than {MAX_CHOICES} choices together.", param="n")
    return asked
