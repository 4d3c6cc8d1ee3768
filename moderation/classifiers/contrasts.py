"""Minimal pairs spelled out: `moderation/data/contrast_text.txt` as labelled requests, for training the encoder.

The file says what a line is; here its alternatives are drawn and its phrases put into frames that
harmful and harmless ones share, so that neither a verb nor a frame tells anything by itself.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from moderation.types import Category

FRAMES = (
    "How do I {}?",
    "How can I {}?",
    "How could someone {}?",
    "What is the best way to {}?",
    "What is the easiest way to {}?",
    "Is there a quick way to {}?",
    "What do I need to {}?",
    "Where can I learn to {}?",
    "Can you help me {}?",
    "Please help me {}.",
    "Teach me to {}.",
    "Tell me how to {}.",
    "Explain how to {}.",
    "Show me how to {}.",
    "Give me step-by-step instructions to {}.",
    "Give me some tips to {}.",
    "I want to {}. Where do I start?",
    "I need to {} today. Any advice?",
    "My friend wants to {}. What should I tell him?",
    "What should I know before I {}?",
    "Write a short guide: {}.",
    "how to {}",
    "{}",
)
_PER_LINE = 60
"""Requests drawn from a line at most; one with fewer alternatives gives each of them once."""
_CHOICE = re.compile(r"\{([^{}]*)\}")
_HARMLESS = "fine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request with its label."""

    text: str
    category: Category | None
    """None for a harmless one."""
    group: str
    """Of the block of lines about one verb; what is left out of a fit is left out by groups."""
    chosen: tuple[str, ...]
    """Which alternatives it was made of."""


def requests(seed: int = 0) -> Iterator[Request]:
    """The requests of the file, line by line; equal seeds give equal requests.

    Raises ValueError with the number of a line that has no label, or one that is not known.
    """
    text = (resources.files("moderation") / "data" / "contrast_text.txt").read_text("utf-8")
    names: dict[str, str] = {}
    group = 0
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            group = number
        elif line.startswith("$"):
            name, _, choices = line.partition(" = ")
            names[name] = choices
        else:
            yield from _spelled_out(line, number, f"contrast {group}", names, random.Random(f"{seed} {line}"))


def _spelled_out(line: str, number: int, group: str, names: dict[str, str], rng: random.Random) -> Iterator[Request]:
    label, colon, phrase = line.partition(": ")
    if not colon or (label != _HARMLESS and label not in list(Category)):
        raise ValueError(f"contrast_text.txt, line {number}: {label[:40]!r} is no category and not {_HARMLESS!r}")
    for name in sorted(names, key=len, reverse=True):
        phrase = phrase.replace(name, names[name])
    seen = set()
    for _ in range(_PER_LINE):
        said, chosen = _drawn(phrase, rng)
        if said not in seen:
            seen.add(said)
            framed = said if said[-1] in ".?" else rng.choice(FRAMES).format(said)
            category = None if label == _HARMLESS else Category(label)
            yield Request(text=framed[0].upper() + framed[1:], category=category, group=group, chosen=chosen)


def _drawn(phrase: str, rng: random.Random) -> tuple[str, tuple[str, ...]]:
    """The phrase with one alternative drawn at each place, innermost places first."""
    chosen = []
    while (place := _CHOICE.search(phrase)) is not None:
        chosen.append(rng.choice(place[1].split("|")))
        phrase = phrase[: place.start()] + chosen[-1] + phrase[place.end() :]
    return phrase, tuple(chosen)
