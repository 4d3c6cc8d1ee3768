"""The body of a chat completion, checked field by field. What changes an answer and is not done is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.engine.fields import flag, integer, number, text
from deploy.engine.steers import Steers, take_steers
from deploy.errors import EngineRefused

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
MAX_CHOICES = 128
MAX_STOPS = 4
MAX_TOP = 20
GREEDY_BELOW = 1e-4
"""Temperatures below it are greedy: dividing by them would overflow."""

IGNORED = frozenset(
    {"user", "safety_identifier", "metadata", "store", "service_tier", "prompt_cache_key", "prompt_cache_options",
     "prompt_cache_retention", "include_obfuscation", "verbosity"}
)  # fmt: skip
"""Fields that do not change what the model says."""

NEUTRAL: Mapping[str, tuple[object, ...]] = {"modalities": (["text"],)}
"""Fields accepted with the values that ask for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A checked request."""

    model: str
    messages: tuple[Mapping[str, Any], ...]
    """`role` and `content`, both text, and the calls of tools; `developer` has become `system`."""
    max_tokens: int | None
    """None: as far as the context goes."""
    temperature: float
    top_p: float
    n: int
    seed: int | None
    """None: the engine draws one."""
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool
    n_top: int | None
    """How many likeliest tokens come with each token's score; None for no scores."""
    continues: bool
    """The last message is the beginning of the reply."""
    steers: Steers


def parse(body: object) -> ChatRequest:
    """Check a decoded body. Raises EngineRefused naming the field at fault."""
    if not isinstance(body, dict):
        raise EngineRefused("The body must be a JSON object.")
    fields = {name: value for name, value in body.items() if value is not None}
    request = ChatRequest(
        model=text(fields, "model"),
        messages=_messages(fields.pop("messages", None)),
        max_tokens=_max_tokens(fields),
        temperature=_greedy_or(number(fields, "temperature", 1.0, low=0.0, high=2.0)),
        top_p=number(fields, "top_p", 1.0, low=0.0, high=1.0),
        n=integer(fields, "n", 1, low=1, high=MAX_CHOICES) or 1,
        seed=integer(fields, "seed", None, low=-(2**63), high=2**63 - 1),
        stop=_stops(fields.pop("stop", ())),
        stream=flag(fields, "stream"),
        include_usage=_include_usage(fields.pop("stream_options", {})),
        n_top=_n_top(fields),
        continues=_continues(fields),
        steers=take_steers(fields),
    )
    for name, value in fields.items():
        if name not in IGNORED and value not in NEUTRAL.get(name, ()):
            raise EngineRefused(f"Unsupported parameter: `{name}` is not served by this model.", param=name)
    if request.continues and request.messages[-1]["role"] != "assistant":
        raise EngineRefused(
            "`continue_final_message` needs a last message by the assistant.", param="continue_final_message"
        )
    return request


def _messages(value: object) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or not value:
        raise EngineRefused("`messages` must be a list of at least one message.", param="messages")
    return tuple(_message(message, f"messages[{index}]") for index, message in enumerate(value))


def _message(value: object, at: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise EngineRefused(f"`{at}` must be an object.", param=at)
    role = value.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise EngineRefused(f"`{at}.role` must be one of {', '.join(sorted(ROLES))}.", param=f"{at}.role")
    calls = _calls(value.get("tool_calls"), at)
    content = "" if calls and value.get("content") is None else _content(value.get("content"), at)
    message = {"role": "system" if role == "developer" else role, "content": content}
    answered = value.get("tool_call_id")
    return message | ({"tool_calls": calls} if calls else {}) | ({"tool_call_id": answered} if answered else {})


def _calls(value: object, at: str) -> list[Any]:
    """Calls that the assistant made earlier, as OpenAI writes them."""
    calls = value or []
    for call in calls if isinstance(calls, list) else [None]:
        function = call.get("function") if isinstance(call, dict) else None
        called = isinstance(function, dict) and all(isinstance(function.get(key), str) for key in ("name", "arguments"))
        if not called:
            raise EngineRefused(
                f"`{at}.tool_calls` must be calls of functions with name and arguments.", param=f"{at}.tool_calls"
            )
    return list(calls) if isinstance(calls, list) else []


def _content(value: object, at: str) -> str:
    parts = value if isinstance(value, list) else [{"type": "text", "text": value}]
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    if len(texts) != len(parts) or not all(isinstance(text, str) for text in texts):
        raise EngineRefused(f"`{at}.content` must be text, or a list of text parts.", param=f"{at}.content")
    return "\n".join(text for text in texts if isinstance(text, str))


def _max_tokens(fields: dict[str, Any]) -> int | None:
    older = integer(fields, "max_tokens", None, low=1, high=2**31)
    newer = integer(fields, "max_completion_tokens", None, low=1, high=2**31)
    return older if newer is None else newer


def _greedy_or(temperature: float) -> float:
    return 0.0 if temperature < GREEDY_BELOW else temperature


def _stops(value: object) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, (list, tuple)) or len(stops) > MAX_STOPS:
        raise EngineRefused(f"`stop` must be a string or a list of at most {MAX_STOPS}.", param="stop")
    if not all(isinstance(stop, str) and stop for stop in stops):
        raise EngineRefused("`stop` must hold strings that are not empty.", param="stop")
    return tuple(stops)


def _include_usage(value: object) -> bool:
    if not isinstance(value, dict):
        raise EngineRefused("`stream_options` must be an object.", param="stream_options")
    return flag(dict(value), "include_usage")


def _continues(fields: dict[str, Any]) -> bool:
    continues = flag(fields, "continue_final_message")
    generates = fields.pop("add_generation_prompt", not continues)
    if generates is continues:
        raise EngineRefused(
            "`add_generation_prompt` must be the opposite of `continue_final_message`.", param="add_generation_prompt"
        )
    return continues


def _n_top(fields: dict[str, Any]) -> int | None:
    wanted = flag(fields, "logprobs")
    n_top = integer(fields, "top_logprobs", 0, low=0, high=MAX_TOP)
    if n_top and not wanted:
        raise EngineRefused("`top_logprobs` needs `logprobs` to be true.", param="top_logprobs")
    return n_top if wanted else None
