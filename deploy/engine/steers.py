"""What a request asks of a reply besides being likely: tools, a form, penalties, biased tokens. Checked here."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.engine.fields import flag, number
from deploy.errors import EngineRefused

MAX_TOOLS = 128
ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Steers:
    """Empty for a request that asks for nothing of the kind."""

    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    biases: Mapping[int, float] = field(default_factory=dict)
    """Added to the logits of token ids."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema that the reply is to follow."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Declarations that the prompt shows, as OpenAI writes them."""
    callable: tuple[str, ...] = ()
    """Names of those that may be called."""
    must_call: bool = False
    parallel: bool = True
    """Whether a reply may hold several calls."""

    @property
    def steer(self) -> bool:
        """Whether the choice of tokens is steered at all."""
        weights = bool(self.frequency_penalty or self.presence_penalty or self.biases)
        return weights or self.schema is not None or bool(self.tools)


def take_steers(fields: dict[str, Any]) -> Steers:
    """Take the fields out of a request's. Raises EngineRefused naming the one at fault."""
    tools = _tools(fields.pop("tools", []))
    choice = fields.pop("tool_choice", "auto" if tools else "none")
    names = tuple(str(tool["function"]["name"]) for tool in tools)
    if isinstance(choice, dict):
        named = choice.get("function")
        names = tuple(name for name in names if isinstance(named, dict) and name == named.get("name"))
    if not (choice in ("none", "auto", "required") or isinstance(choice, dict)) or (
        choice not in ("none", "auto") and not names
    ):
        raise EngineRefused("`tool_choice` must be none, auto, required or one of the `tools`.", param="tool_choice")
    parallel = flag(fields, "parallel_tool_calls", default=True)
    return Steers(
        frequency_penalty=number(fields, "frequency_penalty", 0.0, low=-2.0, high=2.0),
        presence_penalty=number(fields, "presence_penalty", 0.0, low=-2.0, high=2.0),
        biases=_biases(fields.pop("logit_bias", {})),
        schema=_schema(fields.pop("response_format", {"type": "text"})),
        tools=() if choice == "none" else tools,
        callable=names,
        must_call=choice not in ("none", "auto"),
        parallel=parallel,
    )


def _tools(value: object) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        raise EngineRefused(f"`tools` must be a list of at most {MAX_TOOLS}.", param="tools")
    for index, tool in enumerate(value):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else None
        name = function.get("name") if isinstance(function, dict) else None
        parameters = function.get("parameters") if isinstance(function, dict) else None
        if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            raise EngineRefused(f"`tools[{index}]` must be a function with a name.", param=f"tools[{index}]")
        if parameters is not None and not isinstance(parameters, dict):
            raise EngineRefused(f"`tools[{index}].function.parameters` must be a JSON Schema.", param=f"tools[{index}]")
    return tuple(value)


def _biases(value: object) -> dict[int, float]:
    pairs: Sequence[tuple[Any, Any]] = tuple(value.items()) if isinstance(value, dict) else ((None, None),)
    for token, bias in pairs:
        known = isinstance(token, str) and token.isascii() and token.isdigit()
        if not known or isinstance(bias, bool) or not isinstance(bias, int | float) or not -100 <= bias <= 100:
            raise EngineRefused("`logit_bias` must map token ids to numbers from -100 to 100.", param="logit_bias")
    return {int(token): float(bias) for token, bias in pairs}


def _schema(value: object) -> Mapping[str, Any] | None:
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return ANY_OBJECT
    described = value.get("json_schema") if isinstance(value, dict) and kind == "json_schema" else None
    schema = described.get("schema", ANY_OBJECT) if isinstance(described, dict) else None
    if not isinstance(schema, dict):
        raise EngineRefused(
            "`response_format` must be of the type text, json_object, or json_schema with a schema.",
            param="response_format",
        )
    return schema
