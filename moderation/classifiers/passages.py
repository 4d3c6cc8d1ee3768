"""An example cut into passages that a sentence encoder reads whole."""

import numpy as np

from moderation.classifiers.exchanges import Window, texts_in
from moderation.embedding import plain
from moderation.types import Example

PASSAGE_CHARACTERS = 480
"""Text that is encoded together: some eighty words, which fit the 128 tokens the encoder was trained on."""
MAX_PASSAGES = 64
"""Passages read of one example, spread evenly; 25 kB are read whole."""


def passages_in(example: Example) -> list[Window[str]]:
    """The texts of an example in passages, at most `MAX_PASSAGES` of each kind.

    A passage of an answer comes twice: to tell harm, and, as a wide window, to tell a refusal.
    """
    said = [(plain(each.text), each) for each in texts_in(example)]
    said = [(text, each) for text, each in said if text]
    if len(said) > MAX_PASSAGES:
        step = len(said) / MAX_PASSAGES
        said = [said[int(i * step)] for i in range(MAX_PASSAGES)]
    total = sum(len(text) for text, _ in said)
    budget = MAX_PASSAGES - len(said)
    return [
        Window(text=passage, exchange=each.exchange, wide=wide)
        for text, each in said
        for passage in cut(text, 1 + budget * len(text) // total)
        for wide in ((False, True) if each.answer else (False,))
    ]


def cut(text: str, limit: int) -> list[str]:
    """Passages of a text, neighbours sharing a sixth; at most `limit`, spread evenly from first to last."""
    stride = PASSAGE_CHARACTERS * 5 // 6
    starts = list(range(0, max(len(text) - (PASSAGE_CHARACTERS - stride), 1), stride))
    if len(starts) > limit:
        starts = [starts[int(i)] for i in np.linspace(0, len(starts) - 1, limit)]
    return [text[start : start + PASSAGE_CHARACTERS] for start in starts]
