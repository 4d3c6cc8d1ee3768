"""From a preference row to token ids: one prompt and two answers, with the base model's own chat template.

Only the tokens that the model would write itself count as an answer, as in `trainers.rendering`.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from trainers.errors import BaseModelError, TrainingFailed
from trainers.rendering import IGNORED, RenderedExample, Renderer, each
from trainers.tally import Tally
from trainers.turns import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPair:
    """A preference as the trainer sees it. An answer that truncation left nothing of is empty."""

    prompt_ids: Sequence[int]
    chosen_ids: Sequence[int]
    rejected_ids: Sequence[int]
    truncated: bool

    @property
    def trained(self) -> bool:
        """Whether both answers have a token; one alone teaches no preference."""
        return bool(self.chosen_ids) and bool(self.rejected_ids)


@dataclass(slots=True, kw_only=True)
class Column:
    """Token ids of many examples, flat in memory."""

    values: "array[int]" = field(default_factory=lambda: array("i"))
    offsets: "array[int]" = field(default_factory=lambda: array("q", [0]))
    """Example `i` is `[offsets[i], offsets[i + 1])` of `values`."""

    def add(self, ids: Sequence[int]) -> None:
        """Append one example."""
        self.values.extend(ids)
        self.offsets.append(len(self.values))

    def __getitem__(self, index: int) -> Sequence[int]:
        """The token ids of example `index`, from 0."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]


@dataclass(slots=True, kw_only=True)
class RenderedPairs:
    """Pairs that can be trained on, and the tally of all rows; one whose answer truncation took teaches nothing."""

    prompt_ids: Column = field(default_factory=Column)
    chosen_ids: Column = field(default_factory=Column)
    rejected_ids: Column = field(default_factory=Column)
    tally: Tally = field(default_factory=Tally)
    longest: int = 0
    """Tokens of the longest conversation."""

    def __len__(self) -> int:
        """How many pairs are trained on."""
        return len(self.prompt_ids.offsets) - 1

    @property
    def n_tokens(self) -> int:
        """Tokens of one epoch: both conversations of each pair."""
        prompts = 2 * len(self.prompt_ids.values)
        return prompts + len(self.chosen_ids.values) + len(self.rejected_ids.values)

    def add(self, pair: RenderedPair) -> None:
        """Take in one pair, or only count it when it teaches nothing."""
        self.tally.count(truncated=pair.truncated, trained=pair.trained)
        if not pair.trained:
            return
        self.prompt_ids.add(pair.prompt_ids)
        self.chosen_ids.add(pair.chosen_ids)
        self.rejected_ids.add(pair.rejected_ids)
        answer = max(len(pair.chosen_ids), len(pair.rejected_ids))
        self.longest = max(self.longest, len(pair.prompt_ids) + answer)


def render_pair(renderer: Renderer, row: Row) -> RenderedPair:
    """Token ids of one row in OpenAI's preference format.

    Raises as `Renderer.render`, and `BaseModelError` when the prompt reads otherwise before each answer.
    """
    sides = [
        renderer.render(_conversation(row, ("preferred_output", "preferred_completion"))),
        renderer.render(_conversation(row, ("non_preferred_output", "non_preferred_completion"))),
    ]
    border = min(_first_trained(side) for side in sides)
    prompt, other = (side.input_ids[:border] for side in sides)
    if prompt != other:
        raise BaseModelError("the chat template renders a prompt otherwise before another answer; it cannot be tuned")
    chosen, rejected = (side.input_ids[border : _last_trained(side)] for side in sides)
    return RenderedPair(
        prompt_ids=prompt,
        chosen_ids=chosen,
        rejected_ids=rejected,
        truncated=any(side.truncated for side in sides),
    )


def render_pairs(
    path: Path, renderer: Renderer, *, purpose: str = "training", lines: Sequence[int] = ()
) -> RenderedPairs:
    """Render every row of a preference JSONL file; `purpose` is `training` or `validation`, `lines` as `each` has it.

    Raises `TrainingFailed` naming the row that the template refuses, and (`no_trained_tokens`) when
    not one row has two answers left.
    """
    rendered = RenderedPairs()
    for pair in each(path, lambda row: render_pair(renderer, row), purpose, lines):
        rendered.add(pair)
    if not len(rendered):
        raise TrainingFailed(
            "no_trained_tokens",
            f"None of the {rendered.tally.n_examples} preferences of the {purpose} file has both answers within "
            f"{renderer.max_length:,} tokens. Shorten the prompts.",
        )
    return rendered


def _conversation(row: Row, keys: tuple[str, str]) -> Row:
    """The prompt with one side's answer, which alone is trained on; older names and bare objects are read too."""
    asked = cast(Row, row["input"])
    output = row[keys[0]] if keys[0] in row else row[keys[1]]
    answer = cast(Row, output[0] if isinstance(output, list) else output)
    before = [
        {**message, "weight": 0} if message.get("role") == "assistant" else message
        for message in cast(Sequence[Row], asked["messages"])
    ]
    answer = {key: value for key, value in answer.items() if key != "weight"}
    return {"messages": [*before, answer], "tools": asked.get("tools")}


def _first_trained(side: RenderedExample) -> int:
    """Place of the first answer token; the end where truncation left none."""
    return next((place for place, label in enumerate(side.labels) if label != IGNORED), len(side.labels))


def _last_trained(side: RenderedExample) -> int:
    """Place after the last answer token; 0 where truncation left none."""
    return next((place for place in range(len(side.labels), 0, -1) if side.labels[place - 1] != IGNORED), 0)
