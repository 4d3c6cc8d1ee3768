"""A conversation cut into scorable windows, grouped by question and answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from moderation.classifiers.templates import unwrapped
from moderation.formats.declarations import words_in
from moderation.ngrams import NARROW, WIDE, normalise, windows_of
from moderation.types import POLICY_CATEGORIES, Example, Message, Role

ANY, REFUSAL = len(POLICY_CATEGORIES), len(POLICY_CATEGORIES) + 1
"""Columns of the two heads that stand behind the categories."""
N_HEADS = len(POLICY_CATEGORIES) + 2
MAX_WINDOWS = 512
"""Windows of one size scored of one example, spread over its messages: 100 kB are read whole."""
MAX_CHARACTERS = 400_000
"""Texts up to this length are read whole, longer ones in evenly spread slices of together as much."""
READING = "2"
"""Changes with what is read of an example; part of the version of each classifier that reads windows."""
_SLICES = 400
_OUTSIDE = (Role.SYSTEM, Role.DEVELOPER)

_Text = TypeVar("_Text", bytes, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Generic[_Text]):
    """A piece of text with its place in the conversation."""

    text: _Text
    exchange: int
    """Counts questions with their answers from 1; 0 is what stands outside: system prompts, tools."""
    wide: bool
    """Whether it is there to tell a refusal: a wide window of an answer. The others are narrow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A text of an example as it was written, with its place in the conversation."""

    text: str
    exchange: int
    """As in `Window`."""
    answer: bool
    """Whether it is the content of an assistant turn."""


def windows_in(example: Example) -> list[Window[bytes]]:
    """Windows of every message, tool call, name and tool declaration, at most `MAX_WINDOWS` a size.

    A long example is thinned evenly, so that nothing can be hidden behind a long beginning. Empty
    when there is no text at all.
    """
    normal = ((normalise(said.text), said.exchange, said.answer) for said in texts_in(example))
    texts = [(text, exchange, answer) for text, exchange, answer in normal if text]
    total = sum(len(text) for text, _, _ in texts)
    if len(texts) > MAX_WINDOWS:
        step = len(texts) / MAX_WINDOWS
        texts = [texts[int(i * step)] for i in range(MAX_WINDOWS)]
    budget = MAX_WINDOWS - len(texts)
    return [
        Window(text=piece, exchange=exchange, wide=wide)
        for text, exchange, answer in texts
        for wide in ((False, True) if answer else (False,))
        for piece in windows_of(text, 1 + budget * len(text) // total, WIDE if wide else NARROW)
    ]


def texts_in(example: Example) -> Iterator[Said]:
    """Every message, name, tool call and tool declaration; one beyond `MAX_CHARACTERS` in slices.

    The fixed words of known prompt templates are left out of messages.
    """
    exchange, answered = 0, True
    for message in example.messages:
        outside = message.role in _OUTSIDE
        answer = message.role is Role.ASSISTANT
        if not outside:
            if exchange == 0 or (answered and message.role is Role.USER):
                exchange += 1
            answered = answer
        place = 0 if outside else exchange
        for turn in unwrapped(_thinned(message.text)):
            yield Said(text=turn, exchange=place, answer=answer)
        for extra in _extras(message):
            yield Said(text=_thinned(extra), exchange=place, answer=False)
    if example.tools:
        for text in words_in(example.tools):
            yield Said(text=_thinned(text), exchange=0, answer=False)


def worst(cut: Sequence[Sequence[Window[_Text]]], rows: NDArray[np.float64]) -> list[list[float]]:
    """Highest probability by category over the windows of each example.

    `cut` holds the windows of each example, `rows` a row a window, in order, and N_HEADS columns of
    probabilities. An example without windows scores 0.
    """
    windows = [window for own in cut for window in own]
    if not windows:
        return [[0.0] * len(POLICY_CATEGORIES) for _ in cut]
    wide = np.fromiter((window.wide for window in windows), bool, len(windows))
    owners = np.repeat(np.arange(len(cut)), [len(own) for own in cut])
    # Exchanges of all examples side by side, each numbered by its window's own number and those before it.
    exchanges = np.fromiter((window.exchange for window in windows), np.int64, len(windows))
    sizes = np.array([1 + max((window.exchange for window in own), default=0) for own in cut], np.int64)
    exchanges += (np.cumsum(sizes) - sizes)[owners]
    # The least refusing part of an answer counts: "I can't, but here it is" is no refusal.
    refused = np.zeros(sizes.sum())
    refused[exchanges[wide]] = 1.0
    np.minimum.at(refused, exchanges[wide], rows[wide, REFUSAL])
    # A new harm may be torn between categories although it is clearly one: the leading category
    # carries the probability that there is any, where that is higher.
    harm = rows[~wide, :ANY]
    every = np.arange(len(harm))
    leading = harm.argmax(axis=1)
    harm[every, leading] = np.maximum(harm[every, leading], rows[~wide, ANY])
    harm *= 1.0 - refused[exchanges[~wide], None]
    firsts = np.flatnonzero(np.diff(owners[~wide], prepend=-1))
    scores = np.zeros((len(cut), len(POLICY_CATEGORIES)))
    scores[owners[~wide][firsts]] = np.maximum.reduceat(harm, firsts, axis=0)
    found: list[list[float]] = scores.tolist()
    return found


def _extras(message: Message) -> Iterator[str]:
    """Text outside of the content. It never counts as a refusal, so it is not part of the answer."""
    if message.name:
        yield message.name
    for call in message.tool_calls:
        yield call.name
        yield from words_in(call.arguments)


def _thinned(text: str) -> str:
    """The text, or slices of it from first to last, so that work is bounded however long it is."""
    if len(text) <= MAX_CHARACTERS:
        return text
    width = MAX_CHARACTERS // _SLICES
    step = (len(text) - width) / (_SLICES - 1)
    return " ".join(text[int(i * step) : int(i * step) + width] for i in range(_SLICES))
