"""From a chat row to token ids and labels, with the base model's own chat template.

The loss is on assistant turns only. A template that has `{% generation %}` marks says itself which
characters the model generates; for others `trainers.spans` finds them, or the template is refused. No
torch here.
"""

import json
import re
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase
from transformers.utils.chat_template_utils import render_jinja_template

from trainers.errors import BaseModelError, TrainingFailed
from trainers.spans import Span, derived_spans
from trainers.tally import Tally
from trainers.turns import (
    Row,
    Tools,
    Turns,
    control_pattern,
    has_images,
    row_messages,
    template_messages,
    template_tools,
)

IGNORED = -100
"""Label of a token that is not trained on."""
_GENERATION_MARK = re.compile(r"\{%-?\s*generation\s*-?%\}")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedExample:
    """One example as the trainer sees it; both sequences have the same length."""

    input_ids: Sequence[int]
    labels: Sequence[int]
    """The token itself where it is trained on, `IGNORED` elsewhere."""
    truncated: bool

    @property
    def trained(self) -> bool:
        """Whether at least one token is trained on. The first token is never predicted."""
        return any(label != IGNORED for label in self.labels[1:])


@dataclass(slots=True, kw_only=True)
class RenderedSet:
    """Examples with trained tokens, flat in memory (eight bytes a token), and the tally of all rows."""

    input_ids: "array[int]" = field(default_factory=lambda: array("i"))
    labels: "array[int]" = field(default_factory=lambda: array("i"))
    offsets: "array[int]" = field(default_factory=lambda: array("q", [0]))
    """Example `i` is `[offsets[i], offsets[i + 1])` of both."""
    tally: Tally = field(default_factory=Tally)
    longest: int = 0

    def __len__(self) -> int:
        """How many examples are trained on."""
        return len(self.offsets) - 1

    @property
    def n_tokens(self) -> int:
        """Tokens of one epoch."""
        return len(self.input_ids)

    def add(self, example: RenderedExample) -> None:
        """Take in one example, or only count it when nothing of it is trained on."""
        self.tally.count(truncated=example.truncated, trained=example.trained)
        if not example.trained:
            return
        self.input_ids.extend(example.input_ids)
        self.labels.extend(example.labels)
        self.offsets.append(len(self.input_ids))
        self.longest = max(self.longest, len(example.input_ids))


class Renderer:
    """Renders rows with one tokenizer; examples longer than `max_length` tokens lose their end."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, max_length: int) -> None:
        self._tokenizer = tokenizer
        self.max_length = max_length
        self._template = tokenizer.get_chat_template()
        self._marked = bool(_GENERATION_MARK.search(self._template))
        self._control = control_pattern(tokenizer)

    def render(self, row: Row) -> RenderedExample:
        """Token ids and labels of one chat row (`messages`, optionally `tools`).

        Raises `BaseModelError` when the template does not let assistant turns be found, and jinja2's
        `TemplateError` when it refuses the conversation.
        """
        messages = template_messages(row, self._control)
        tools = template_tools(row, self._control)
        weights = [_weight(message) for message in row_messages(row) if message.get("role") == "assistant"]
        text, spans = (self._marked_spans if self._marked else self._derived_spans)(messages, tools)
        if len(spans) != len(weights):
            raise BaseModelError(
                f"the chat template marks {len(spans)} assistant turns where the conversation has {len(weights)}; "
                "put {% generation %} and {% endgeneration %} around each assistant turn once"
            )
        trained = [span for span, weight in zip(spans, weights, strict=True) if weight]
        return self._tokenize(text, trained)

    def _tokenize(self, text: str, spans: Sequence[Span]) -> RenderedExample:
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids = cast(list[int], encoded["input_ids"])
        offsets = cast(list[Span], encoded["offset_mapping"])
        labels, remaining = [], list(spans)
        for token, (start, end) in zip(ids, offsets, strict=True):
            while remaining and remaining[0][1] <= start:
                remaining.pop(0)
            inside = bool(remaining) and start < end and end > remaining[0][0]
            labels.append(token if inside else IGNORED)
        limit = self.max_length
        return RenderedExample(input_ids=ids[:limit], labels=labels[:limit], truncated=len(ids) > limit)

    def _jinja(self, messages: Turns, tools: Tools, **flags: bool) -> tuple[str, list[Span]]:
        variables: dict[str, Any] = {**self._tokenizer.special_tokens_map, **flags}
        texts, spans = cast(
            "tuple[list[str], list[list[Span]]]",
            render_jinja_template([messages], tools=tools, chat_template=self._template, **variables),
        )
        return texts[0], [(start, end) for start, end in spans[0]] if spans else []

    def _marked_spans(self, messages: Turns, tools: Tools) -> tuple[str, list[Span]]:
        return self._jinja(messages, tools, return_assistant_tokens_mask=True)

    def _derived_spans(self, messages: Turns, tools: Tools) -> tuple[str, list[Span]]:
        def render(turns: Turns, prompted: bool) -> str:
            return self._jinja(turns, tools, add_generation_prompt=prompted)[0]

        return derived_spans(render, messages, self._control)


def render_file(path: Path, renderer: Renderer, *, purpose: str = "training", lines: Sequence[int] = ()) -> RenderedSet:
    """Render every row of a chat JSONL file; `purpose` is `training` or `validation`, `lines` as `each` has it.

    Raises `TrainingFailed` (`invalid_training_file`, `invalid_validation_file`) naming the row that the
    template refuses, and (`no_trained_tokens`) when not one row has a token to train on.
    """
    rendered = RenderedSet()
    for example in each(path, renderer.render, purpose, lines):
        rendered.add(example)
    if not len(rendered):
        raise TrainingFailed(
            "no_trained_tokens",
            f"None of the {rendered.tally.n_examples} examples of the {purpose} file has an assistant token to train "
            f"on: {len(rendered.tally.truncated)} were cut at {renderer.max_length:,} tokens, the others have weight 0 "
            "or empty answers. Shorten the examples or set weight to 1.",
        )
    return rendered


def each(path: Path, render: Callable[[Row], T], purpose: str, lines: Sequence[int]) -> Iterator[T]:
    """Render every row of a JSONL file in turn. `lines` has the line of each in the file that the customer sent, 0 for
    a row of ours; empty where the file is the customer's own.

    Raises `TrainingFailed` (`invalid_training_file`, `invalid_validation_file`) naming the row that the
    template refuses, or that has images, which would be trained on as if they were not there.
    """
    for place, (own_line, row) in enumerate(_rows(path)):
        line = lines[place] if lines else own_line
        where = f"line {line} of the {purpose} file" if line else "a safety example of the policy"
        if has_images(row):
            raise TrainingFailed(
                f"invalid_{purpose}_file",
                f"{where.capitalize()} has images, which this trainer cannot learn from. Remove such "
                "examples, or ask the operator for a backend that trains on images.",
            )
        try:
            yield render(row)
        except TemplateError as exc:
            raise TrainingFailed(
                f"invalid_{purpose}_file",
                f"The base model's chat template refuses {where}: {exc}. Change the "
                "order or roles of its messages to what the model knows.",
            ) from exc


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Each row with its 1-based line."""
    # A validation file comes as it was uploaded: with a byte-order mark, if its writer was so minded.
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                yield number, cast(Row, json.loads(line))


def _weight(message: Row) -> bool:
    return message.get("weight") != 0
