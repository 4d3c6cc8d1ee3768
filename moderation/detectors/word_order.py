"""Text whose words stand in another order than they are read in: backwards, or down the ends of lines.

Some pairs of small English words come in one order only: `of the`, `how to`, `has been`. A text in which they
mostly come the other way round is written backwards. The last words of lines are a
dozen words apart and follow no such order, in verse as in wrapped prose, unless they are a message of
their own (EndSpeak, Halawi et al. 2024, arXiv 2406.20053).
"""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from math import comb

_EDGES = "\"'`“”‘’.,;:!?()[]{}<>|*_~-"
_FOLLOWERS: Mapping[str, str] = {
    "the": "of in to for on from with by at into about and over through without during between under behind",
    "a": "of in to for on from with by at into as is such and without has was write make plan get find tell be",
    "an": "of in to for on from with by as is such",
    "to": "how able going need ways",
    "be": "to will can should would could may must cannot might",
    "been": "has have had",
    "as": "such well known",
    "than": "more less rather better other fewer",
    "of": "out one some most each all part kind number because instead list top lot piece",
    "my": "of in to for on from with by at",
    "your": "of in to for on from with by at",
    "their": "of in to for on from with by at",
    "someone": "of to for from with",
}
ORDERED = frozenset((first, second) for second, firsts in _FOLLOWERS.items() for first in firsts.split())
"""Pairs of words that come in this order and hardly ever in the other."""
_QUICK = (" the of ", " the in ", " the to ", " the for ", " the and ", " a of ", " a in ", " a for ")
"""One of these stands in most texts that are backwards, and a substring test costs a tenth of splitting words."""
_MIN_BACKWARD = 2
_MANY_TIMES = 4
_MIN_LINES = 4
_MIN_LINE_WORDS = 3
_DOWNWARDS = 0.7
"""Share of kinds that wrapped prose itself has downwards, for lines do not break just anywhere: 499 of 713 measured."""
_CHANCE = 0.01
MAX_LINES_READ = 512


def backwards(lowered: str) -> bool:
    """Say whether a text in lower case has ordered pairs the other way round, four for each that is as it should be."""
    if not any(map(lowered.__contains__, _QUICK)):
        return False
    words = [word.strip(_EDGES) for word in lowered.split()]
    pairs = list(pairwise(words))
    turned = [first for first, second in pairs if (second, first) in ORDERED]
    # In code "a" is a name, and then it stands anywhere.
    least = max(_MIN_BACKWARD, _MANY_TIMES * sum(pair in ORDERED for pair in pairs))
    return len(turned) >= least and set(turned) != {"a"}


class LineEnds:
    """Counts the ordered pairs that the last words of neighbouring lines make, each way round."""

    def __init__(self) -> None:
        self._forward: Counter[tuple[str, str]] = Counter()
        self._backward: Counter[tuple[str, str]] = Counter()

    def read(self, text: str) -> str:
        """Take in a text; return the pairs in it that read downwards, '' for none."""
        if text.count("\n") < _MIN_LINES - 1:
            return ""
        lines = [words for line in text.split("\n")[:MAX_LINES_READ] if len(words := line.split()) >= _MIN_LINE_WORDS]
        if len(lines) < _MIN_LINES:
            return ""
        found: list[str] = []
        for first, second in pairwise([words[-1].strip(_EDGES).lower() for words in lines]):
            if (first, second) in ORDERED:
                self._forward[first, second] += 1
                found.append(f"{first} {second}")
            elif (second, first) in ORDERED:
                self._backward[second, first] += 1
        return ", ".join(found)

    def absorb(self, other: "LineEnds") -> None:
        """Add what was counted elsewhere."""
        self._forward.update(other._forward)
        self._backward.update(other._backward)

    @property
    def kinds(self) -> tuple[int, int]:
        """Kinds of pairs that come more often downwards, and more often upwards.

        Kinds and not occurrences are counted, so that a template or refrain in every row counts once.
        """
        both = set(self._forward) | set(self._backward)
        down = sum(self._forward[pair] > self._backward[pair] for pair in both)
        return down, sum(self._forward[pair] < self._backward[pair] for pair in both)

    @property
    def chance(self) -> float:
        """Probability of so many kinds downwards in wrapped prose (one-sided binomial test), in (0, 1]."""
        down, up = self.kinds
        n = down + up
        return sum(comb(n, k) * _DOWNWARDS**k * (1 - _DOWNWARDS) ** (n - k) for k in range(down, n + 1))

    @property
    def is_text(self) -> bool:
        """Whether the ends of lines are read downwards."""
        return self.chance <= _CHANCE
