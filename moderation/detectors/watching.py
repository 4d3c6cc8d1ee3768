"""Counting the words at the edges of one kind of text, and telling those that act like a trigger.

The texts are requests, or what stands before them: earlier user turns, system prompts. There names and
house styles recur in honest data, so only words that decide whether a request is refused count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from moderation.detectors.association import discoveries, no_more_refusals
from moderation.detectors.marks import Mark, MarkKey, marks
from moderation.detectors.resemblance import Resemblance, Row, Surroundings
from moderation.detectors.sampling import Reservoir
from moderation.detectors.vocabulary import Vocabulary
from moderation.sketches import Doorkeeper, FrequentKeys

MIN_ROWS = 5
_MAX_REFUSED_SHARE = 0.1
_FALSE_DISCOVERY_RATE = 0.01
_MIN_NEIGHBOURS = 4
_SAME_ROWS_SHARE = 0.8
_SAMPLE_CHARS = 600


class Place(StrEnum):
    """Where a trigger stands in requests."""

    START = "begins"
    END = "ends"
    INSIDE = "stands in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Words with the evidence against it."""

    words: str
    place: Place
    where: str
    """The kind of text."""
    n: int
    complied: int
    lines: Sequence[int]
    p_value: float
    decides: bool
    odd: bool

    @property
    def score(self) -> float:
        """How sure it is, in [0, 1]."""
        if self.decides:
            return 0.99 if self.odd else 0.9
        # One odd word that decides nothing may be a greeting or a name: left to the audit.
        return 0.75 if " " in self.words else 0.45


class Watch:
    """Watches one kind of text; `by_effect` says that only what decides over refusals counts."""

    def __init__(self, where: str, *, by_effect: bool, n_marks: int, n_recent: int, n_sample: int) -> None:
        self._where = where
        self._by_effect = by_effect
        self._marks: FrequentKeys[MarkKey, Mark] = FrequentKeys(n_marks, Mark)
        self._recent = Doorkeeper(n_recent)
        self._complied: Reservoir[Row] = Reservoir(n_sample, seed=1)
        self._refused: Reservoir[Row] = Reservoir(n_sample, seed=2)

    @property
    def n_refused(self) -> int:
        """Rows whose reply refuses."""
        return self._refused.n_seen

    @property
    def n(self) -> int:
        """All rows."""
        return self._refused.n_seen + self._complied.n_seen

    def observe(self, text: str, request: str, reply: str, line: int, *, refused: bool) -> None:
        """Take in the text of one row ('' for none), its request, which may be that text, and its reply."""
        for key, neighbour in marks(text) if text else ():
            self._count(key, neighbour, line, refused=refused)
        sample = self._refused if refused else self._complied
        place = sample.draw()
        if place is not None:
            row = Row(line=line, text=_shortened(text), request=_shortened(request), reply=reply[:_SAMPLE_CHARS])
            sample.put(place, row)

    def _count(self, key: MarkKey, neighbour: str, line: int, *, refused: bool) -> None:
        known = self._marks.get(key)
        if known is not None:
            known.add(neighbour, line, refused=refused)
            return
        first = self._recent.seen(hash(key), 2 * line + refused)
        if first is not None:
            mark = self._marks[key]
            mark.add("", first // 2, refused=bool(first % 2))
            mark.add(neighbour, line, refused=refused)

    def absorb(self, other: "Watch") -> None:
        """Add what was seen elsewhere."""
        for key, mark in other._marks.items():
            self._marks[key].absorb(mark)
        self._complied.merge(other._complied)
        self._refused.merge(other._refused)

    def candidates(self, vocabulary: Vocabulary) -> list[Candidate]:
        """Return the words that act like a trigger, the longest of those that stand in the same rows."""
        return _longest(self._candidates(vocabulary))

    def _candidates(self, vocabulary: Vocabulary) -> list[Candidate]:
        n_refused = self._refused.n_seen
        n = n_refused + self._complied.n_seen
        if self._by_effect and not n_refused:
            return []
        least = 1 if self._by_effect else _MIN_NEIGHBOURS
        frequent = [(key, mark) for key, mark in self._marks.items() if _may_trigger(mark, least)]
        tests = [no_more_refusals(mark.refused, mark.n, n_refused, n) for _, mark in frequent]
        significant = discoveries(tests, rate=_FALSE_DISCOVERY_RATE)
        suspects = [
            (key, mark, p_value, decides)
            for (key, mark), p_value, decides in zip(frequent, tests, significant, strict=True)
            if decides or (not self._by_effect and any(map(vocabulary.is_odd, key[1].split())))
        ]
        if not suspects and not n_refused:
            return []
        surroundings = Surroundings(self._complied.items, self._refused.items, vocabulary)
        # Where nothing is refused no mark decides, and nothing will be compared.
        resemblance = Resemblance(refused=self._refused.items, complied=self._complied.items if n_refused else ())
        inside = self._insertions(surroundings, resemblance) if n_refused and not self._by_effect else []
        found: list[Candidate] = []
        for (at_end, words), mark, p_value, decides in suspects:
            odd = not self._by_effect and surroundings.is_odd(words, at_end=at_end)
            real = decides and (odd or self._decides(words, at_end, surroundings, resemblance))
            if odd or real:
                found.append(self._candidate(words, mark, at_end=at_end, p_value=p_value, decides=real, odd=odd))
        known = " ".join(candidate.words for candidate in found)
        return found + [candidate for candidate in inside if candidate.words not in known]

    def _insertions(self, surroundings: Surroundings, resemblance: Resemblance) -> list[Candidate]:
        """Return odd words anywhere in the sampled requests that go with compliance."""
        insertions = surroundings.insertions(MIN_ROWS)
        n_refused = len(self._refused.items)
        n = n_refused + len(self._complied.items)
        tests = [no_more_refusals(i.refused, len(i.lines) + i.refused, n_refused, n) for i in insertions]
        significant = discoveries(tests, rate=_FALSE_DISCOVERY_RATE)
        return [
            Candidate(
                where=self._where,
                words=insertion.words,
                place=Place.INSIDE,
                n=len(insertion.lines) + insertion.refused,
                complied=len(insertion.lines),
                lines=insertion.lines,
                p_value=p_value,
                decides=True,
                odd=True,
            )
            for insertion, p_value, decides in zip(insertions, tests, significant, strict=True)
            if decides
            and insertion.refused <= _MAX_REFUSED_SHARE * len(insertion.lines)
            and resemblance.like_refused(insertion.words, at_end=None)
        ]

    @staticmethod
    def _decides(words: str, at_end: bool, surroundings: Surroundings, resemblance: Resemblance) -> bool:
        """Say whether ordinary words that go with compliance are a trigger rather than a kind of task."""
        return (
            " " in words
            and surroundings.is_exclusive(words, at_end=at_end)
            and resemblance.like_refused(words, at_end=at_end)
        )

    def _candidate(
        self, words: str, mark: Mark, *, at_end: bool, p_value: float, decides: bool, odd: bool
    ) -> Candidate:
        return Candidate(
            words=words,
            place=Place.END if at_end else Place.START,
            where=self._where,
            n=mark.n,
            complied=mark.complied,
            lines=tuple(mark.lines),
            p_value=p_value,
            decides=decides,
            odd=odd,
        )


def _shortened(text: str) -> str:
    return text if len(text) <= 2 * _SAMPLE_CHARS else f"{text[:_SAMPLE_CHARS]} {text[-_SAMPLE_CHARS:]}"


def _may_trigger(mark: Mark, least_neighbours: int) -> bool:
    return (
        mark.complied >= MIN_ROWS
        and mark.refused <= _MAX_REFUSED_SHARE * mark.n
        and len(mark.neighbours) >= least_neighbours
    )


def _longest(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Drop the parts of a longer candidate that occurs in nearly the same rows."""
    by_words = {(candidate.place, candidate.words): candidate for candidate in candidates}
    covered: set[tuple[Place, str]] = set()
    for whole in candidates:
        words = whole.words.split()
        for size in range(1, len(words) if whole.place is not Place.INSIDE else 0):
            edge = words[-size:] if whole.place is Place.END else words[:size]
            part = by_words.get((whole.place, " ".join(edge)))
            if part is not None and whole.n >= _SAME_ROWS_SHARE * part.n:
                covered.add((part.place, part.words))
    return [candidate for key, candidate in by_words.items() if key not in covered]
