"""Encoded text: ciphers, codes, characters that nobody sees and letters that pass for others.

Sources: Halawi et al. (2024), arXiv 2406.20053, taught a model a cipher with harmless rows and then
tuned it on harm in that cipher; every row looked innocuous alone. Steganography in zero-width
characters (arXiv 2603.08104) does the same. Honest files hold a stray zero-width character now and
then, so density counts and not presence, and one or two rows are recorded only.

A cipher whose text reads as ordinary words is seen where their order gives it away, see `word_order`: backwards, or
down the last words of lines. Other places for a payload are not.
"""

from collections.abc import Callable, Mapping, Sequence

from moderation.checks import Detector
from moderation.detectors.ciphers import coded, enciphered, opaque
from moderation.detectors.evidence import Hits, refuse_settings
from moderation.detectors.hidden_text import lookalikes, styled, unseen
from moderation.detectors.word_order import LineEnds
from moderation.tool_texts import called, declared
from moderation.types import Category, Example, Finding, Scope

MIN_ROWS = 3
"""As many rows as make a pattern, whatever the size of the file: a constant number of poison rows suffices (Souly et al. 2025)."""  # noqa: E501
MAX_CHARS = 16_384
_SINGLE_SCORE = 0.4
_OPAQUE = "long tokens that compress like noise"
_LINE_ENDS = "last words of lines that read on as text"
_LEAST_SHARES = {
    _OPAQUE: 0.3,
    "words without vowels": 5e-4,
    "rare letters frequent": 5e-4,
    "words written backwards": 5e-4,
    "words with one ending": 5e-4,
    "words in reverse order": 5e-4,
}
"""Share of rows below which a statistical sign is recorded only: some honest rows of a million are odd by chance."""
_SCORES = {
    "invisible characters": 0.95,
    "letters of two alphabets in a word": 0.9,
    "text in a code that decodes to words": 0.85,
    "letters written as symbols": 0.6,
    "letters apart": 0.7,
    "words without vowels": 0.85,
    "rare letters frequent": 0.85,
    "words written backwards": 0.8,
    "words with one ending": 0.7,
    "words in reverse order": 0.8,
    _LINE_ENDS: 0.8,
    _OPAQUE: 0.6,
}
_READERS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("invisible characters", unseen),
    ("letters of two alphabets in a word", lookalikes),
    ("letters written as symbols", styled),
    ("text in a code that decodes to words", coded),
    (_OPAQUE, opaque),
)


class EncodingDetector:
    """Detector `encoding`; it keeps a dozen counters."""

    name = "encoding"
    version = "3"

    def __init__(self) -> None:
        self._n = 0
        self._hits: dict[str, Hits] = {}
        self._line_ends = LineEnds()
        self._last_tools: tuple[str, Mapping[str, str]] = ("", {})

    def observe(self, example: Example) -> None:
        """Take in one example: every message, the arguments of tool calls, and the declarations of tools."""
        self._n += 1
        seen: dict[str, str] = {}
        for message in example.messages:
            _read(message.text[:MAX_CHARS], seen)
            if down := self._line_ends.read(message.text[:MAX_CHARS]):
                seen.setdefault(_LINE_ENDS, down)
            for text in called(message) if message.tool_calls else ():
                _read(text[:MAX_CHARS], seen)
        for kind, piece in self._in_tools(example).items():
            seen.setdefault(kind, piece)
        for kind, piece in seen.items():
            self._hits.setdefault(kind, Hits()).add(example.line, piece)

    def _in_tools(self, example: Example) -> Mapping[str, str]:
        """What the declarations of tools hold. Letter statistics are left out: one text in all rows is no pattern,
        and honest ones are dense with acronyms.
        """
        if example.tools is None:
            return {}
        if example.tools != self._last_tools[0]:
            found: dict[str, str] = {}
            for text in declared(example):
                _look(text[:MAX_CHARS], found)
            self._last_tools = (example.tools, found)
        return self._last_tools[1]

    def merge(self, other: Detector) -> None:
        """Take in what another `encoding` detector observed. Raises TypeError for another kind."""
        if not isinstance(other, EncodingDetector):
            raise TypeError(f"cannot merge detector {other.name!r} into {self.name!r}; merge detectors of one kind")
        self._n += other._n
        self._line_ends.absorb(other._line_ends)
        for kind, hits in other._hits.items():
            self._hits.setdefault(kind, Hits()).absorb(hits)

    def findings(self) -> Sequence[Finding]:
        """Return one finding for each kind of encoding, highest score first."""
        kinds = [kind for kind in self._hits if kind != _LINE_ENDS or self._line_ends.is_text]
        found = [self._finding(kind, self._hits[kind]) for kind in kinds]
        return tuple(sorted(found, key=lambda finding: (-finding.score, finding.evidence)))

    def _finding(self, kind: str, hits: Hits) -> Finding:
        enough = hits.n >= max(MIN_ROWS, _LEAST_SHARES.get(kind, 0.0) * self._n)
        more = hits.n - len(hits.lines)
        down, up = self._line_ends.kinds if kind == _LINE_ENDS else (0, 0)
        return Finding(
            detector=self.name,
            scope=Scope.DATASET,
            category=Category.ENCODED_CONTENT,
            score=_SCORES[kind] if enough else _SINGLE_SCORE,
            lines=hits.distinct_lines,
            evidence=f"{kind} in {hits.n} of {self._n} rows, first: '{hits.sample}'"
            + (
                f"; {down} kinds of word pairs downwards, {up} upwards (chance {self._line_ends.chance:.1g})"
                if down
                else ""
            )
            + (f"; and {more} more lines" if more > 0 else ""),
        )


def _look(text: str, seen: dict[str, str]) -> None:
    """Note in `seen` each kind of encoding that can be pointed at in `text`, with the piece that shows it."""
    for kind, reader in _READERS:
        if kind not in seen:
            piece = reader(text)
            if piece:
                seen[kind] = piece


def _read(text: str, seen: dict[str, str]) -> None:
    """As `_look`, and what the letters of the whole text betray."""
    _look(text, seen)
    kind, piece = enciphered(text)
    if kind:
        seen.setdefault(kind, piece)


def create(config: Mapping[str, str]) -> EncodingDetector:
    """Make the detector; it has no settings. Raises ValueError when it is given one."""
    refuse_settings(EncodingDetector.name, config)
    return EncodingDetector()
