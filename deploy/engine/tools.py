"""How a model writes calls of tools, told from its chat template, and how its replies are read for them."""

import json
from collections.abc import Collection
from dataclasses import dataclass

from deploy.engine.text import overlap

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A call is `opening`, a JSON object with the name and the arguments, and `closing`."""

    opening: str
    closing: str
    arguments: str
    """Key of the arguments."""

    def begin(self, name: str) -> str:
        """What a call of this tool begins with, up to its arguments."""
        return f'{self.opening}{{"name": {json.dumps(name)}, "{self.arguments}": '

    @property
    def end(self) -> str:
        """What follows the arguments."""
        return "}" + self.closing

    @property
    def trigger(self) -> str:
        """What a model says when it begins to call, and never else."""
        return self.opening.strip() or '{"name": "'


HERMES = Dialect(opening="<tool_call>\n", closing="\n</tool_call>", arguments="arguments")
"""Qwen 2.5 and 3, Hermes, and what follows them."""
PLAIN = Dialect(opening="", closing="", arguments="parameters")
"""Llama 3: the object alone."""


def dialect_of(template: str) -> Dialect | None:
    """The dialect that a chat template teaches; None for one without tools, or with another way of calling them."""
    if "tools" not in template:
        return None
    if "<tool_call>" in template and "<function=" not in template:
        return HERMES
    return PLAIN if '"parameters"' in template and '{"name":' in template else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of a tool."""

    name: str
    arguments: str
    """JSON text."""


def read_calls(text: str, dialect: Dialect, names: Collection[str], *, parallel: bool) -> tuple[str, tuple[Call, ...]]:
    """The words before the first call, and the calls; the whole text where no call of a known tool is complete."""
    calls: list[Call] = []
    start = at = text.find(dialect.trigger)
    while at >= 0 and (parallel or not calls):
        opened = text.find("{", at)
        try:
            written, end = _DECODER.raw_decode(text, max(opened, at))
        except ValueError:
            break
        if not isinstance(written, dict) or written.get("name") not in names:
            break
        arguments = written.get(dialect.arguments, {})
        # As the model wrote it, where it wrote JSON as text.
        said = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        calls.append(Call(name=written["name"], arguments=said))
        at = text.find(dialect.trigger, end)
    return (text[:start], tuple(calls)) if calls else (text, ())


class Words:
    """Passes on a growing reply's words, up to where a call may have begun."""

    def __init__(self, dialect: Dialect) -> None:
        self._trigger = dialect.trigger
        self._held = ""
        self.n_said = 0
        """Characters that were passed on."""

    def push(self, piece: str) -> str:
        """What of the reply is now certain to be words."""
        self._held += piece
        at = self._held.find(self._trigger)
        keep = len(self._held) - at if at >= 0 else overlap(self._held, self._trigger)
        words, self._held = self._held[: len(self._held) - keep], self._held[len(self._held) - keep :]
        self.n_said += len(words)
        return words
