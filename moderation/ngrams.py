"""Text as hashed n-grams: the features of the embedded classifier.

Everything is numpy over one byte buffer for many windows at once, because hashing in Python would
be the slowest part of screening by far.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BITS = 16
DIMENSIONS = 1 << BITS
"""How many buckets n-grams are hashed into."""
NARROW, WIDE = 240, 480
"""Bytes of normalised text that are scored together: some forty words, in which a few that are
harmful still stand out, or eighty, enough to tell a refusal from an answer that begins like one."""

_WORDS = bytes(i if i >= 0x80 or chr(i).isalnum() else 32 for i in range(256))
"""Bytes of words as they are, all other ASCII as spaces."""
_SPACE = 32
_BASE = 0x9E3779B97F4A7C15
_BASE_INVERSE = pow(_BASE, -1, 1 << 64)
_MULTIPLIER = np.uint64(0xBF58476D1CE4E5B9)
_CHARACTERS = 5
_FLOOR = 100
_SALTS = tuple(np.uint64(salt) for salt in (0x1F83D9AB, 0x5BE0CD19, 0x9B05688C, 0x510E527F))


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """Hashed n-grams of a batch of windows."""

    buckets: NDArray[np.int64]
    """In [0, DIMENSIONS), one an n-gram, window after window."""
    starts: NDArray[np.int64]
    """Where each window's buckets begin; each window has at least one."""
    counts: NDArray[np.int64]
    """How many buckets each window has."""

    @property
    def norms(self) -> NDArray[np.float64]:
        """What each window's sums are divided by: the root of its count, as if it had at least 100.

        Without the floor one odd word alone would weigh as much as a paragraph.
        """
        return np.sqrt(np.maximum(self.counts, _FLOOR))


def normalise(text: str) -> bytes:
    """Lower-case words in UTF-8 with single spaces between, none at the ends.

    Compatibility forms and accents are folded (`ＢÖＭＢ` reads `bomb`), invisible format characters
    are dropped; punctuation, symbols and lone surrogates become a space.
    """
    if not text.isascii():
        text = "".join(_fold(char) for char in unicodedata.normalize("NFKD", text))
    return b" ".join(text.lower().encode("utf-8", "replace").translate(_WORDS).split())


def _fold(char: str) -> str:
    if char.isascii() or char.isalpha():
        return char
    return "" if unicodedata.category(char) in {"Mn", "Cf"} else " "


def windows_of(text: bytes, limit: int, size: int) -> list[bytes]:
    """Windows of a normalised text, at most `limit`, spread evenly from first to last.

    Neighbours overlap by a sixth, so that a phrase at an edge is seen whole. Empty for an empty text.
    """
    if len(text) <= size:
        return [text] if text else []
    stride = size * 5 // 6
    starts = range(0, max(len(text) - (size - stride), 1), stride)
    if len(starts) > limit:
        chosen = np.linspace(0, len(starts) - 1, limit).astype(int)
        return [text[starts[i] : starts[i] + size] for i in chosen]
    return [text[start : start + size] for start in starts]


def hash_windows(windows: Sequence[bytes]) -> Features:
    """Word 1- to 3-grams and character 5-grams of each window, hashed.

    Windows are normalised and not empty. Words are hashed by differences of a polynomial prefix
    hash modulo 2^64, so that no Python loop runs over words.
    """
    buffer = np.frombuffer(b"".join(b" %b " % window for window in windows), dtype=np.uint8)
    lengths = np.array([len(window) + 2 for window in windows], dtype=np.int64)
    owner = np.repeat(np.arange(len(windows)), lengths)
    words, word_owner = _word_hashes(buffer, owner)
    grams, owners = [_mix(words + _SALTS[0])], [word_owner]
    chain = words
    for n in (2, 3):
        tail = words[n - 1 :]
        chain = _mix(chain[: len(tail)] * _MULTIPLIER + tail)
        whole = word_owner[: len(tail)] == word_owner[n - 1 :]
        grams.append(_mix(chain[whole] + _SALTS[n - 1]))
        owners.append(word_owner[: len(tail)][whole])
    characters, character_owner = _character_hashes(buffer, owner)
    grams.append(characters)
    owners.append(character_owner)
    all_owners = np.concatenate(owners)
    order = np.argsort(all_owners.astype(np.min_scalar_type(len(windows))), kind="stable")  # few bits: a radix sort
    buckets = (np.concatenate(grams) >> np.uint64(64 - BITS)).astype(np.int64)[order]
    counts = np.bincount(all_owners, minlength=len(windows))
    return Features(buckets=buckets, starts=np.cumsum(counts) - counts, counts=counts)


def _word_hashes(buffer: NDArray[np.uint8], owner: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash and window of every word; words are what stands between two spaces."""
    spaces = np.flatnonzero(buffer == _SPACE)
    starts, ends = spaces[:-1] + 1, spaces[1:]
    real = ends > starts
    starts, ends = starts[real], ends[real]
    powers = _powers(_BASE, len(buffer).bit_length())[: len(buffer)]
    prefix = np.zeros(len(buffer) + 1, dtype=np.uint64)
    np.cumsum((buffer.astype(np.uint64) + np.uint64(1)) * powers, out=prefix[1:])
    hashes = (prefix[ends] - prefix[starts]) * _powers(_BASE_INVERSE, len(buffer).bit_length())[starts]
    return _mix(hashes), owner[starts]


def _character_hashes(
    buffer: NDArray[np.uint8], owner: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash and window of every run of five bytes inside one window, spaces included."""
    n = len(buffer) - _CHARACTERS + 1
    if n <= 0:
        return np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)
    padded = np.concatenate([buffer, np.zeros(8 - _CHARACTERS, dtype=np.uint8)])
    eights = np.ndarray((n,), dtype="<u8", buffer=padded, strides=(1,))  # eight bytes from each place on
    packed = eights & np.uint64((1 << 8 * _CHARACTERS) - 1)
    whole = owner[:n] == owner[_CHARACTERS - 1 :]
    return _mix(packed[whole] + (_SALTS[3] << np.uint64(40))), owner[:n][whole]


@lru_cache(maxsize=8)
def _powers(base: int, bits: int) -> NDArray[np.uint64]:
    """base^0 ... base^(2^bits - 1) modulo 2^64: the same for every batch of about a size."""
    factors = np.full(1 << bits, base, dtype=np.uint64)
    factors[:1] = 1
    powers = np.cumprod(factors, dtype=np.uint64)
    powers.flags.writeable = False
    return powers


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread the bits. Source: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    values = (values ^ (values >> np.uint64(30))) * _MULTIPLIER
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
