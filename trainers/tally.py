"""Which rows a run reads, which of them not whole, and why: for the customer, in lines of the customer's own file."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SHOWN = 5
"""So many lines are named."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Rows of one file; they count from 0."""

    n_examples: int = 0
    """Rows read, trained on or not."""
    truncated: "array[int]" = field(default_factory=lambda: array("q"))
    """Those that were longer than the limit and lost their end."""
    untrained: "array[int]" = field(default_factory=lambda: array("q"))
    """Those left out because truncation or `weight: 0` left them nothing to train on."""

    def count(self, *, truncated: bool, trained: bool) -> None:
        """Take in the next row."""
        if truncated:
            self.truncated.append(self.n_examples)
        if not trained:
            self.untrained.append(self.n_examples)
        self.n_examples += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLimit:
    """How long an example may be, and who says so."""

    n: int
    by_policy: bool
    """Whether the policy cut below the model's own context."""


def customers_part(tally: Tally, lines: Sequence[int], limit: TokenLimit) -> Mapping[str, object]:
    """What `customers_words` tells, as JSON. `lines` has each row's line in the customer's file, 0 for rows of ours;
    where it is empty every row counts as the customer's and no line is named."""
    cut, left_out = ([row for row in rows if not lines or lines[row]] for rows in (tally.truncated, tally.untrained))
    return {
        "n_examples": sum(map(bool, lines)) if lines else tally.n_examples,
        "n_truncated": len(cut),
        "n_untrained": len(left_out),
        "truncated_lines": [lines[row] for row in cut[:SHOWN]] if lines else [],
        "untrained_lines": [lines[row] for row in left_out[:SHOWN]] if lines else [],
        "max_tokens": limit.n,
        "by_policy": limit.by_policy,
    }


def customers_words(part: Mapping[str, object]) -> str | None:
    """The sentence for the customer; None when every row is trained on whole."""
    limit = f"{part['max_tokens']:,} tokens that {'the policy allows' if part['by_policy'] else 'the model can read'}"
    said = []
    if n := _number(part["n_truncated"]):
        verb = "is longer" if n == 1 else "are longer"
        said.append(f"{n:,} {verb} than the {limit} and lost the end{_named(part['truncated_lines'], n)}")
    if n := _number(part["n_untrained"]):
        verb, was = ("has", "was") if n == 1 else ("have", "were")
        where = _named(part["untrained_lines"], n)
        said.append(f"{n:,} {verb} no assistant token left to train on and {was} left out{where}")
    return f"Of your {_number(part['n_examples']):,} examples, {', and '.join(said)}." if said else None


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _named(lines: object, n: int) -> str:
    """The first lines in brackets; nothing where none is known."""
    if not isinstance(lines, list) or not lines:
        return ""
    others = " and others" if n > len(lines) else ""
    return f" (line{'s' if n > 1 else ''} {', '.join(map(str, lines))}{others})"
