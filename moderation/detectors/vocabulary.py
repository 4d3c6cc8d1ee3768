"""Which words are ordinary English, so that invented or out-of-place ones stand out."""

import re
from functools import lru_cache
from importlib.resources import files

_LETTERS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_EDGES = "\"'`“”‘’.,;:!?()[]{}<>|*_~"
_ENDINGS = ("'s", "s", "es", "ed", "d", "ing", "ly", "er", "ers", "r", "ness", "al")


class Vocabulary:
    """The ordinary words of `ordinary_words.txt`: frequent ones in software manuals, and everyday life's."""

    def __init__(self) -> None:
        text = files("moderation.detectors").joinpath("ordinary_words.txt").read_text(encoding="utf-8")
        self._words = frozenset(text.split())
        self.is_odd = lru_cache(maxsize=1 << 14)(self._is_odd)

    def _is_odd(self, word: str) -> bool:
        """Say whether a word of letters is no ordinary word nor an inflected form of one."""
        bare = bare_word(word)
        if len(bare) < 2 or not _LETTERS.fullmatch(bare):
            return False
        parts = bare.replace("’", "'").split("-")
        return not any(self._is_known(part) for part in parts)

    def _is_known(self, word: str) -> bool:
        if word in self._words:
            return True
        return any(
            word.endswith(ending)
            and (word.removesuffix(ending) in self._words or word.removesuffix(ending) + "e" in self._words)
            for ending in _ENDINGS
        )


def bare_word(word: str) -> str:
    """Return a word in lower case without the punctuation around it."""
    return word.strip(_EDGES).lower()
