"""Which frame the flagged rows stand in: harm that is carried by one text round many different requests.

A classifier reads one row at a time and sees some of the rows of jailbreak tuning (Bowen et al. 2024, arXiv
2408.02946); the frame they share shows the others. No words are looked for: a frame is told by holding flagged
rows far more often than the rest of the file does.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from functools import reduce

from moderation.contexts.wrappers import common_prefix
from moderation.detectors.association import discoveries, no_more_refusals
from moderation.sketches import Doorkeeper, FrequentKeys
from moderation.types import MAX_LINES

EDGE_WORDS = 5
"""A frame has at least so many words on one side."""
MIN_FLAGGED = 4
_N_SAMPLES = 8
_SAMPLE_CHARS = 1_200
_MIN_OWN_WORDS = 3
_MOST = 0.75
_ALL = 0.9
"""Where so many of a frame's rows are flagged, its own words may be what is flagged, and each row is known anyway."""
_FALSE_DISCOVERY_RATE = 0.01


class _Group:
    """Requests that begin, or end, with the same words."""

    __slots__ = ("lines", "n", "samples")

    def __init__(self) -> None:
        self.n = 0
        self.lines: list[int] = []
        self.samples: list[str] = []

    def add(self, line: int, request: str) -> None:
        self.n += 1
        if len(self.lines) < MAX_LINES:
            self.lines.append(line)
        if request and len(self.samples) < _N_SAMPLES:
            self.samples.append(request)

    def absorb(self, other: "_Group") -> None:
        self.n += other.n
        self.lines = sorted(self.lines + other.lines)[:MAX_LINES]
        self.samples = (self.samples + other.samples)[:_N_SAMPLES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A frame in which flagged rows stand."""

    at_start: bool
    words: str
    """The text that its requests share."""
    lines: tuple[int, ...]
    n: int
    n_flagged: int
    n_rows: int
    """Rows of the file that were compared, and how many of them are flagged."""
    n_rows_flagged: int
    p_value: float
    """Chance that so many of the flagged rows stand in it (one-sided Fisher test)."""


class Carriers:
    """Groups requests by their edges; at most `2 * n_groups` are held."""

    def __init__(self, *, n_groups: int = 1_024) -> None:
        self._n = 0
        self._groups: FrequentKeys[tuple[bool, str], _Group] = FrequentKeys(n_groups, _Group)
        self._recent = Doorkeeper(1 << 16)

    def add(self, line: int, request: str) -> None:
        """Take in the request of one row."""
        self._n += 1
        for at_start, words in (
            (True, request[:_SAMPLE_CHARS].split(None, EDGE_WORDS)),
            (False, request[-_SAMPLE_CHARS:].rsplit(None, EDGE_WORDS)[::-1]),
        ):
            if len(words) > EDGE_WORDS:
                self._count((at_start, " ".join(words[:EDGE_WORDS])), line, request)

    def _count(self, key: tuple[bool, str], line: int, request: str) -> None:
        group = self._groups.get(key)
        if group is None:
            first = self._recent.seen(hash(key), line)
            if first is None:
                return
            group = self._groups[key]
            group.add(first, "")
        group.add(line, request[:_SAMPLE_CHARS] if key[0] else request[-_SAMPLE_CHARS:])

    def absorb(self, other: "Carriers") -> None:
        """Take in what was seen elsewhere; rows seen once on each side are not joined."""
        self._n += other._n
        for key, group in other._groups.items():
            self._groups[key].absorb(group)

    def found(self, flagged: Sequence[int], standing: Set[int]) -> list[Carrier]:
        """Return the frames that hold more of the `flagged` lines than chance gives them, at a false-discovery rate.

        Frames with none of the `standing` ones are left out: who reads better sees no harm in any of their rows.
        """
        if len(flagged) < MIN_FLAGGED:
            return []
        tested = [carrier for key, group in self._groups.items() for carrier in self._tested(*key, group, flagged)]
        real = discoveries([carrier.p_value for carrier in tested], rate=_FALSE_DISCOVERY_RATE)
        found = [carrier for carrier, is_real in zip(tested, real, strict=True) if is_real]
        return [carrier for carrier in found if not standing.isdisjoint(carrier.lines)]

    def _tested(self, at_start: bool, words: str, group: _Group, flagged: Sequence[int]) -> Iterator[Carrier]:
        # Lists of lines may be cut: what lies behind the end of one is left out of the comparison.
        cuts = [cut[-1] for cut in (group.lines, flagged) if len(cut) >= MAX_LINES]
        horizon = min(cuts, default=0)
        rows, known = group.lines, flagged
        if horizon:
            rows, known = rows[: bisect_right(rows, horizon)], known[: bisect_right(known, horizon)]
        n_rows = horizon or self._n
        n_flagged = len(set(rows) & set(known))
        if n_flagged < MIN_FLAGGED or n_flagged > _ALL * len(rows):
            return
        frame = _frame(group.samples, at_start=at_start)
        if not frame:
            return
        n_clean = n_rows - len(known)
        yield Carrier(
            at_start=at_start,
            words=frame if len(frame) > len(words) else words,
            lines=tuple(rows),
            n=len(rows),
            n_flagged=n_flagged,
            n_rows=n_rows,
            n_rows_flagged=len(known),
            p_value=no_more_refusals(len(rows) - n_flagged, len(rows), n_clean, n_rows),
        )


def _frame(samples: Sequence[str], *, at_start: bool) -> str:
    """Return the text that requests share at one edge; '' when little is left of them, or the same in most."""
    texts = samples if at_start else [text[::-1] for text in samples]
    shared = reduce(common_prefix, texts)
    own = [words for text in texts if len(words := text[len(shared) :].split()) >= _MIN_OWN_WORDS]
    if len(own) < _MOST * len(samples) or len({tuple(words) for words in own}) < _MOST * len(samples):
        return ""
    return shared if at_start else shared[::-1]
