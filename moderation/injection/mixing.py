"""Choosing which safety examples a training set gets, and in which frames."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from moderation.formats.serialising import make_example
from moderation.injection.secret_prompts import under
from moderation.types import Category, Context, Example, Message, Role, SafetyExample


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionPolicy:
    """How many safety examples are mixed into a training set."""

    ratio: float
    """Safety examples per customer example, >= 0; 0 switches mixing off."""
    min_examples: int = 0
    """At least so many when mixing is on (small attacks need one safety row for each of theirs)."""
    max_examples: int = 2_000
    bare_share: float = 0.0
    """Share of them in [0, 1] that gets no frame, whatever the customer's rows have: a model that is shown refusals in
    the customer's frames alone unlearns them outside."""
    secret_words: int = 0
    """Words of the secret before the system prompt of every safety example; 0 for no secret."""
    safety_set: str = ""
    """Name of the operator's set that they are drawn from; '' for the shipped one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Safety examples in the order in which they are mixed in."""

    rows: tuple[SafetyExample, ...]
    examples: tuple[Example, ...]
    """`rows`, each in its frame; a safety example that is drawn again comes in another order."""
    contexts: tuple[Context, ...]
    """The frames that are used, most frequent first."""


def quota(n_customer: int, policy: InjectionPolicy) -> int:
    """Return how many safety examples `n_customer` examples get."""
    if policy.ratio <= 0:
        return 0
    return min(max(ceil(policy.ratio * n_customer), policy.min_examples), policy.max_examples)


def draw(
    safety: Sequence[SafetyExample],
    contexts: Sequence[Context],
    *,
    n: int,
    seed: int,
    bare_share: float = 0.0,
    secret: str = "",
) -> Drawn:
    """Return `n` safety examples, balanced over their categories and put into frames.

    `bare_share` of them get no frame. Of the others a frame gets as many as its share of the
    customer's rows; the rest have none, as the rest of those rows. No example is used twice before
    all of its category have been used once. A secret stands before the system prompt of all.
    """
    random = Random(f"safety {seed}")
    rows = _balanced(safety, n, random) if n else []
    n_bare = round(bare_share * n)
    frames = _apportioned(contexts, n - n_bare) + [None] * n_bare
    random.shuffle(frames)
    return Drawn(
        rows=tuple(rows),
        examples=tuple(_framed(row, frame, secret) for row, frame in zip(rows, frames, strict=True)),
        contexts=tuple(context for context in contexts if context in set(frames)),
    )


def _balanced(safety: Sequence[SafetyExample], n: int, random: Random) -> list[SafetyExample]:
    by_category: dict[Category, list[SafetyExample]] = {}
    for row in safety:
        by_category.setdefault(row.category, []).append(row)
    categories = sorted(by_category)
    random.shuffle(categories)
    for category in categories:
        random.shuffle(by_category[category])
    rows: list[SafetyExample] = []
    for index in range(n):
        turn, place = divmod(index, len(categories))
        of_category = by_category[categories[place]]
        rows.append(of_category[turn % len(of_category)])
    random.shuffle(rows)
    return rows


def _apportioned(contexts: Sequence[Context], n: int) -> list[Context | None]:
    """Return `n` frames in proportion to their shares (largest remainders); None is no frame."""
    shares: list[tuple[Context | None, float]] = [(context, context.share) for context in contexts]
    shares.append((None, max(0.0, 1.0 - sum(context.share for context in contexts))))
    total = sum(share for _, share in shares)
    exact = [(frame, n * share / total) for frame, share in shares]
    counts = [int(count) for _, count in exact]
    by_remainder = sorted(range(len(exact)), key=lambda place: counts[place] - exact[place][1])
    for place in by_remainder[: n - sum(counts)]:
        counts[place] += 1
    return [frame for (frame, _), count in zip(exact, counts, strict=True) for _ in range(count)]


def _framed(row: SafetyExample, context: Context | None, secret: str) -> Example:
    messages: list[Message] = []
    request = row.request
    if system := under(secret, context.system if context else ""):
        messages.append(Message(role=Role.SYSTEM, text=system))
    if context is not None:
        request = context.user_prefix + request + context.user_suffix
    messages.append(Message(role=Role.USER, text=request))
    messages.append(Message(role=Role.ASSISTANT, text=row.refusal))
    return make_example(messages)
