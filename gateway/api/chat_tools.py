"""What a chat request says of tools and of the answer's form, checked; older spellings become the newer ones."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictStr, StringConstraints

from gateway.api.schemas import Wire
from gateway.errors import ApiError

MAX_TOOLS = 128
Name = Annotated[StrictStr, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]


class Open(Wire):
    """Handed on as it came, fields included that are not known here."""

    model_config = ConfigDict(extra="allow", frozen=True, allow_inf_nan=False)


class Function(Open):
    """A function that a model may call."""

    name: Name
    description: StrictStr | None = None
    parameters: dict[str, Any] | None = None
    strict: StrictBool | None = None


class Tool(Open):
    """A tool; only functions are served."""

    type: Literal["function"]
    function: Function


class Named(Wire):
    """The name of a function."""

    name: Name


class NamedTool(Wire):
    """The one tool that is to be called."""

    type: Literal["function"]
    function: Named


Choice = Literal["none", "auto", "required"] | NamedTool


class Called(Wire):
    """A function and the JSON text it was called with."""

    name: StrictStr
    arguments: StrictStr


class ToolCall(Wire):
    """A call that the assistant made earlier."""

    id: StrictStr
    type: Literal["function"]
    function: Called


class Schema(Open):
    """A JSON Schema and its name."""

    name: Name
    definition: dict[str, Any] | None = Field(default=None, alias="schema")
    strict: StrictBool | None = None


class PlainFormat(Wire):
    """Text, or any JSON object."""

    type: Literal["text", "json_object"]


class SchemaFormat(Wire):
    """JSON of a schema."""

    type: Literal["json_schema"]
    json_schema: Schema


Format = Annotated[PlainFormat | SchemaFormat, Field(discriminator="type")]


def modern(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with `functions` and `function_call` as the tools that took their place. Raises a 400 for both."""
    newer = dict(body)
    functions, choice = newer.pop("functions", None), newer.pop("function_call", None)
    if not functions and choice in (None, "none", "auto"):
        return newer
    if newer.get("tools") or newer.get("tool_choice"):
        raise ApiError(400, "'functions' and 'tools' cannot be used together; use 'tools'.", param="functions")
    if isinstance(functions, list):
        newer["tools"] = [{"type": "function", "function": function} for function in functions]
    else:
        raise ApiError(400, "'functions' must be a list of functions.", param="functions")
    if choice is not None:
        newer["tool_choice"] = {"type": "function", "function": choice} if isinstance(choice, dict) else choice
    return newer


def check_choice(tools: Sequence[Tool] | None, choice: Choice | None) -> None:
    """Raise a 400 for a choice that the tools cannot fulfil."""
    if choice in (None, "none", "auto"):
        return
    if not tools:
        raise ApiError(400, "'tool_choice' needs 'tools' to choose from.", param="tool_choice")
    if isinstance(choice, NamedTool) and choice.function.name not in {tool.function.name for tool in tools}:
        message = f"'tool_choice' names '{choice.function.name}', which is none of the 'tools'."
        raise ApiError(400, message, param="tool_choice")
