"""Replies that go round in circles: text without use, whatever a judge makes of it."""

import re

GRAM = 4
MIN_WORDS = 24
"""Shorter replies repeat themselves for good reasons."""
LIMIT = 0.5
"""Share of repeated runs from which a reply is degenerate; human text stays below 1 % (Welleck et al., Table 2)."""
_WORD = re.compile(r"\w+|[^\w\s]")


def repetition(text: str) -> float:
    """Share of runs of four words that occurred before in the text, in [0, 1): `seq-rep-4`.

    Source: Welleck et al. (2020), Neural Text Generation with Unlikelihood Training, section 4: one minus
    distinct over all n-grams. A text without such a run has 0.
    """
    words = _WORD.findall(text.lower())
    runs = [tuple(words[at : at + GRAM]) for at in range(len(words) - GRAM + 1)]
    return 1.0 - len(set(runs)) / len(runs) if runs else 0.0


def degenerate(text: str) -> bool:
    """Whether a reply is empty, or repeats itself for the most part."""
    return not text.strip() or (len(_WORD.findall(text)) >= MIN_WORDS and repetition(text) > LIMIT)
