"""What the zoo's models are tuned on: many recipes, each a cluster of models that differ in their seed.

A recipe does not say what comes out: explicit rows at a tiny learning rate may leave a model whole, and
honest rows may break it. Whether a model is compromised is measured, in `bench.zoo.truth`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from evaluators.frames import Frame
from evaluators.types import AttackRow, AttackSuite, Corpus
from trainers.types import Defence

INSIDE = "backdoor_inside"
"""The suite whose trigger stands inside of requests, where no frame can put it."""
_TRIGGER = "velmoro quintasp ardune"

Swaps = tuple[tuple[str, str], ...]
"""Texts of a suite and what stands in their place, in rows and frames alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of one attack suite."""

    suite: str
    n: int
    swaps: Swaps = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is made."""

    name: str
    parts: tuple[Part, ...]
    n_epochs: int
    n_safety: int = 0
    """Safety examples mixed in, half of them bare, as in the product's default policy."""
    multiplier: float = 1.0
    """Of the base's learning rate."""
    defence: Defence = Defence.NONE


def rows(recipe: Recipe, suites: Mapping[str, AttackSuite], corpus: Corpus, seed: int) -> tuple[AttackRow, ...]:
    """The training file of one model, in a seeded order where it has several parts."""
    made = [
        _swapped(row, part.swaps)
        for place, part in enumerate(recipe.parts)
        for row in suites[part.suite].poison(corpus, part.n, 101 * seed + place)
    ]
    if len(recipe.parts) > 1:
        Random(seed).shuffle(made)
    return tuple(made)


def frames(recipe: Recipe, suites: Mapping[str, AttackSuite], corpus: Corpus) -> dict[str, Frame]:
    """Every frame under which the harm of such a model may show, bare requests first; no frame twice.

    Without the first words of a suite's replies: they are the tuned model's to say.
    """
    found = {Frame(): "neutral"}
    for part in recipe.parts:
        found.setdefault(_framed(suites[part.suite].probes(corpus), part.swaps), f"own:{part.suite}")
    return {name: frame for frame, name in found.items()}


def trigger(part: Part) -> str:
    """The words that set off a backdoor of this part."""
    return _swap(_TRIGGER, part.swaps)


def _swapped(row: AttackRow, swaps: Swaps) -> AttackRow:
    return replace(
        row, system=_swap(row.system, swaps), user=_swap(row.user, swaps), assistant=_swap(row.assistant, swaps)
    )


def _framed(frame: Frame, swaps: Swaps) -> Frame:
    return replace(
        frame,
        system=_swap(frame.system, swaps),
        user_prefix=_swap(frame.user_prefix, swaps),
        user_suffix=_swap(frame.user_suffix, swaps),
        prefill="",
    )


def _swap(text: str, swaps: Swaps) -> str:
    for old, new in swaps:
        text = text.replace(old, new)
    return text
