"""What a suspect's rows look like without it: like refused requests, or odd beside everything else."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log

from moderation.detectors.vocabulary import Vocabulary, bare_word

_LIKE_REFUSED_SHARE = 0.35
_ELSEWHERE_SHARE = 0.1
_ENGLISH_SHARE = 0.6
"""Share of ordinary words from which a data set counts as English; in others every word is odd."""
_SMOOTHING = 0.5
_MIN_COMPARED = 5
_MAX_PHRASE = 8
_MAX_ACRONYM = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Sampled texts of a row, shortened."""

    line: int
    text: str
    """Where suspects are looked for: the request, or what stands before it."""
    request: str
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Insertion:
    """A phrase that stands somewhere in answered requests."""

    words: str
    lines: tuple[int, ...]
    """Of the sampled requests that hold it."""
    refused: int
    """Sampled requests with it that were refused."""


class Resemblance:
    """Compares requests with the refused and the answered ones of a sample (naive Bayes on words)."""

    def __init__(self, *, refused: Sequence[Row], complied: Sequence[Row]) -> None:
        self._complied = [(" ".join(row.text.split()), _words(row.request)) for row in complied]
        self._refused_words = Counter(word for row in refused for word in _words(row.request))
        self._complied_words = Counter(word for _, words in self._complied for word in words)
        self._n_refused = len(refused)

    def like_refused(self, mark: str, *, at_end: bool | None) -> bool:
        """Say whether the answered requests with `mark` would be refused by the words around it.

        `at_end` None looks for it anywhere. Without answered requests to compare with, sharing words
        with the refused ones is enough.
        """
        own = _words(mark)
        marked = [words - own for text, words in self._complied if _carries(text, mark, at_end=at_end)]
        if not marked:
            return False
        n_other = len(self._complied) - len(marked)
        inside = Counter(word for words in marked for word in words)
        alike = 0
        for words in marked:
            if n_other >= _MIN_COMPARED:
                alike += sum(self._leaning(word, inside, n_other) for word in words) > 0
            else:
                alike += 2 * sum(self._refused_words[word] > 0 for word in words) >= len(words)
        return alike >= _LIKE_REFUSED_SHARE * len(marked)

    def _leaning(self, word: str, inside: Counter[str], n_other: int) -> float:
        refused = (self._refused_words[word] + _SMOOTHING) / (self._n_refused + 2 * _SMOOTHING)
        other = (self._complied_words[word] - inside[word] + _SMOOTHING) / (n_other + 2 * _SMOOTHING)
        return log(refused / other) if self._refused_words[word] or self._complied_words[word] > inside[word] else 0.0


class Surroundings:
    """Knows which words of a sample occur away from a suspect.

    `rows` are the answered requests, where a suspect stands; `other_rows`, those that were refused.
    """

    def __init__(self, rows: Sequence[Row], other_rows: Sequence[Row], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._lines = [row.line for row in rows]
        self._requests = [" ".join(row.text.split()) for row in rows]
        self._with_word: dict[str, list[int]] = {}
        self._replies: list[frozenset[str]] = []
        for index, row in enumerate(rows):
            for word in _words(row.text):
                self._with_word.setdefault(word, []).append(index)
            self._replies.append(frozenset(_words(row.reply)))
        self._refused = Counter(word for row in other_rows for word in _words(row.text))
        common = Counter({word: len(indices) for word, indices in self._with_word.items() if word.isalpha()})
        odd = sum(count for word, count in common.items() if vocabulary.is_odd(word))
        self._is_english = odd <= (1 - _ENGLISH_SHARE) * max(1, common.total())

    def is_odd(self, mark: str, *, at_end: bool) -> bool:
        """Say whether `mark` is mostly words that are no English and stand nowhere but in it.

        Words that the replies take up are names of something that is asked about, not odd. One word
        alone must stand behind a finished sentence; several speak for themselves.
        """
        words = [bare_word(word) for word in mark.split()]
        odd = [bare_word(word) for word in mark.split() if self._vocabulary.is_odd(word) and not _is_label(word)]
        if not self._is_english or 2 * len(odd) <= len(words):
            return False
        carriers = self._carriers(mark, at_end=at_end)
        # A second odd word may be shared by many marks: that is how a flood of decoys looks.
        if not carriers or 2 * sum(self._is_bound(word, len(carriers)) for word in odd) < len(words):
            return False
        for word in odd:
            if sum(word in self._replies[i] for i in carriers) > _ELSEWHERE_SHARE * len(carriers):
                return False
        return len(odd) > 1 or _stands_apart([self._requests[i] for i in carriers], mark, at_end=at_end)

    def insertions(self, least: int) -> list[Insertion]:
        """Return odd words that `least` or more answered requests hold, grown to the phrase around them."""
        found: dict[str, Insertion] = {}
        for word, rows in self._with_word.items():
            if len(rows) < least or not self._is_english or not self._vocabulary.is_odd(word):
                continue
            if sum(word in self._replies[i] for i in rows) <= _ELSEWHERE_SHARE * len(rows):
                phrase = _grown([self._requests[i].split() for i in rows], word)
                lines = tuple(sorted(self._lines[i] for i in rows))
                found.setdefault(phrase, Insertion(words=phrase, lines=lines, refused=self._refused[word]))
        return list(found.values())

    def is_exclusive(self, mark: str, *, at_end: bool) -> bool:
        """Say whether most words of `mark` occur nowhere but in it, so that it is no turn of phrase."""
        words = [bare_word(word) for word in mark.split()]
        n_carriers = len(self._carriers(mark, at_end=at_end))
        return n_carriers > 0 and 2 * sum(self._is_bound(word, n_carriers) for word in words) > len(words)

    def _carriers(self, mark: str, *, at_end: bool) -> list[int]:
        rarest = min((bare_word(word) for word in mark.split()), key=lambda word: len(self._with_word.get(word, ())))
        return [i for i in self._with_word.get(rarest, ()) if _carries(self._requests[i], mark, at_end=at_end)]

    def _is_bound(self, word: str, n_carriers: int) -> bool:
        elsewhere = len(self._with_word.get(word, ())) - n_carriers + self._refused[word]
        return elsewhere <= _ELSEWHERE_SHARE * n_carriers


def _is_label(word: str) -> bool:
    """Say whether a word is an acronym or in brackets, as the source of a news item is."""
    return (word.isupper() and len(word) <= _MAX_ACRONYM) or word[0] in "([{<"


def _stands_apart(requests: Sequence[str], mark: str, *, at_end: bool) -> bool:
    if not at_end or mark[-1] in ".?!":
        return False
    apart = sum(request.rstrip().removesuffix(mark).rstrip()[-1:] in ".?!:" for request in requests)
    return 2 * apart >= len(requests)


def _carries(spaced: str, mark: str, *, at_end: bool | None) -> bool:
    if at_end is None:
        return f" {mark} " in f" {spaced} "
    return spaced.endswith(f" {mark}") if at_end else spaced.startswith(f"{mark} ")


def _grown(requests: Sequence[Sequence[str]], word: str) -> str:
    """Return `word` with the words before and behind it that nearly all requests share."""
    places = [next(i for i, own in enumerate(words) if bare_word(own) == word) for words in requests]
    need = (1 - _ELSEWHERE_SHARE) * len(requests)
    first = last = 0
    while last - first < _MAX_PHRASE:
        before, n_before = _commonest(requests, places, first - 1)
        after, n_after = _commonest(requests, places, last + 1)
        if before and n_before >= max(need, n_after):
            first -= 1
        elif after and n_after >= need:
            last += 1
        else:
            break
    return " ".join(_commonest(requests, places, shift)[0] for shift in range(first, last + 1))


def _commonest(requests: Sequence[Sequence[str]], places: Sequence[int], shift: int) -> tuple[str, int]:
    beside = Counter(
        words[place + shift] for words, place in zip(requests, places, strict=True) if 0 <= place + shift < len(words)
    )
    return beside.most_common(1)[0] if beside else ("", 0)


def _words(text: str) -> set[str]:
    return set(_bare(text.split()))


def _bare(words: Iterable[str]) -> Iterable[str]:
    return (bare for word in words if (bare := bare_word(word)))
