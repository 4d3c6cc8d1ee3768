"""Text that is another text in disguise: written in a code, or its letters exchanged.

Codes are decoded, and count when words come out: a digest or a key decodes to noise. Ciphers are
told by what no language in Latin letters does: a seventh of the words without a vowel (w and y are
vowels here), few vowels in all, or a third of the letters from the rare ones.
"""

import binascii
import re
import zlib
from base64 import b32decode, b64decode

from moderation.detectors.word_order import backwards

MAX_CHARS = 4_096
_MIN_WORDS = 6
_MIN_LETTERS = 30
_PLAIN_TOKEN_SHARE = 0.7
_VOWELLESS_SHARE = 0.15
_MIN_VOWELLESS = 2
_VOWEL_SHARE = 0.26
_RARE_SHARE = 0.33
_UNREVERSED = frozenset("the and of to is in for that with as are it you be this from or by".split())  # noqa: SIM905
_REVERSED = frozenset(word[::-1] for word in _UNREVERSED)

_LETTERS = {"v": "aeiouy", "w": "w", "r": "qxzjvkbpf", "c": "cdghlmnst", "d": "0123456789_"}
_OUTLINES = bytes(next((ord(k) for k, own in _LETTERS.items() if chr(i) in own), 32) for i in range(256))
"""Kinds of bytes: vowels, w, rare and common consonants, other parts of words; a space is all the rest."""
_INK = bytes(32 if chr(i).isspace() else 120 for i in range(256))
"""A space for whitespace, an x for everything else."""
_OUTLINED_VOWELLESS = re.compile(rb" [rc][rc][rc]+ ")
_CODE_KINDS = {"d": "0123456789", "h": "abcdefABCDEF", " ": ",:.- \t\n\v\f\r\x1c\x1d\x1e\x1f"}
_CODE_OUTLINES = bytes(next((ord(k) for k, own in _CODE_KINDS.items() if chr(i) in own), 120) for i in range(256))
"""Digits, the other hexadecimal digits and what stands between codes; an x is all the rest."""
_CODE = rb"(?:(?:dx)?[dh][dh]d?|d{7,8})"
_TWO_CODES = re.compile(b" %b +%b " % (_CODE, _CODE))
_VOWELS = re.compile(r"[aeiouyw]")
_VOWELLESS = re.compile(r"\b[b-df-hj-np-tvxz]{3,}\b")
_RARE = re.compile(r"[qxzjvkbpwf]")
_TOKEN = re.compile(r"(?<![^\s\"'`:(\[])[A-Za-z0-9+/_-]{24,}={0,6}(?![^\s\"'`.,)\]])")
_HEX = re.compile(r"(?:\b(?:0x)?[0-9a-fA-F]{2}[\s,:]+){9,}(?:0x)?[0-9a-fA-F]{2}\b|\b(?:[0-9a-fA-F]{2}){12,}\b")
_BINARY = re.compile(r"(?:\b[01]{7,8}\b\s*){5,}")
_CODES = re.compile(r"(?:\b\d{2,3}\b[\s,.-]+){9,}\d{2,3}\b")
_MORSE = re.compile(r"(?=[-/| ]*\.)(?=[./| ]*-)(?:[.-]{1,6}[ /|]+){10,}")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}){8,}")
_ESCAPED = re.compile(r"(?:\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4})){8,}")
_SPACED = re.compile(r"(?:\b[A-Za-z]\b[ ._-]+){12,}")
_PIG = re.compile(r"\b[a-z]{2,}ay\b")
_PIG_SHARE = 0.5
_LONG_TOKEN = 24
_MIN_CODES = 5
_APART_CHARS = 4
_TWO_DIGITS = re.compile(r"[0-9][0-9A-Fa-f]")
_ROUGHLY = 0.04
"""How far the quick look at the letters of a whole text may be from the exact one at its words."""
_MAX_ACCENTED = 0.01
_NOISE_RATIO = 0.85
_MIN_NOISE_CHARS = 80


def coded(text: str) -> str:
    """Return the piece of `text` that decodes to words; '' when none does.

    Knows base64, base32, hex, binary, decimal character codes, percent and backslash escapes, Morse.
    """
    head = text[:MAX_CHARS]
    long_token = _has_run(head, _LONG_TOKEN)
    if long_token:
        for token in _TOKEN.findall(head):
            if _is_prose(_from_base64(token)) or _is_prose(_from_base32(token)):
                return str(token)
    signalled = _first(head, _MORSE) if ".-" in head or "-." in head else ""
    if signalled or (not long_token and not _has_codes(head)):
        return signalled
    for match in _HEX.finditer(head):
        if _is_prose(bytes.fromhex(re.sub(r"0x|[\s,:]", "", match.group())[:1_024]).decode("latin-1")):
            return match.group()
    for pattern, radix in ((_BINARY, 2), (_CODES, 10)):
        for match in pattern.finditer(head):
            codes = [int(code, radix) for code in re.findall(r"\d+", match.group())]
            if _is_prose("".join(map(chr, codes))):
                return match.group()
    return _first(head, _PERCENT, _ESCAPED)


def enciphered(text: str) -> tuple[str, str]:  # noqa: PLR0911
    """Return the kind of cipher that the letters of `text` betray and its first words; ('', '') when none.

    Texts of fewer than six words or with much punctuation, as code has, and other scripts are not judged.
    """
    head = text[:MAX_CHARS]
    if " " not in head or not _is_latin(head):
        return "", ""
    lowered = head.lower()
    tokens = lowered.split()
    if len(head) < _APART_CHARS * len(tokens) and _SPACED.search(head):
        return "letters apart", head
    if backwards(lowered):
        return "words in reverse order", head
    if not _looks_odd(lowered, len(tokens)):
        return "", ""
    words = [word for word in (token.strip(".,;:!?\"'()") for token in tokens) if word.isalpha()]
    letters = sum(map(len, words))
    if len(words) < _MIN_WORDS or letters < _MIN_LETTERS or len(words) < _PLAIN_TOKEN_SHARE * len(tokens):
        return "", ""
    joined = " ".join(words)
    judged = sum(len(word) > 2 for word in words)
    if len(_VOWELLESS.findall(joined)) >= max(_MIN_VOWELLESS, _VOWELLESS_SHARE * judged):
        return "words without vowels", head
    if len(_VOWELS.findall(joined)) < _VOWEL_SHARE * letters:
        return "words without vowels", head
    if len(_RARE.findall(joined)) >= _RARE_SHARE * letters:
        return "rare letters frequent", head
    known = set(words)
    if len(known & _REVERSED) >= 3 and not known & _UNREVERSED:
        return "words written backwards", head
    if len(_PIG.findall(joined)) >= _PIG_SHARE * len(words):
        return "words with one ending", head
    return "", ""


def _looks_odd(lowered: str, n_words: int) -> bool:
    """Say whether a text is worth the exact look, from the outline of its letters, which costs a tenth of it."""
    outline = lowered.encode("ascii", "replace").translate(_OUTLINES)
    n = max(1, len(lowered) - n_words)
    n_w = outline.count(b"w")
    return (
        outline.count(b"v") + n_w < (_VOWEL_SHARE + _ROUGHLY) * n
        or outline.count(b"r") + n_w >= (_RARE_SHARE - _ROUGHLY) * n
        or 3 * lowered.count("ay") >= n_words
        or (" the " not in lowered and any(word in lowered for word in (" eht ", " dna ", " fo ", " ot ")))
        or _OUTLINED_VOWELLESS.search(b" %b " % outline) is not None
    )


def _has_run(text: str, n_chars: int) -> bool:
    """Say whether a text has a word of `n_chars` characters or more."""
    if text.isascii():
        return b"x" * n_chars in text.encode().translate(_INK)
    return max(map(len, text.split()), default=0) >= n_chars


def _has_codes(text: str) -> bool:
    """Say whether a text has pairs of digits enough, and two short codes side by side, to be worth a look."""
    if text.isascii():
        outline = text.encode().translate(_CODE_OUTLINES)
        if outline.count(b"d") < _MIN_CODES or not _TWO_CODES.search(outline):
            return False
    return len(_TWO_DIGITS.findall(text)) >= _MIN_CODES


def opaque(text: str) -> str:
    """Return a long token that hardly compresses, as encrypted text in letters; '' when there is none.

    Keys, digests and signatures are such tokens too, so this is a weak sign. Addresses and paths are left out.
    """
    head = text[:MAX_CHARS]
    if not _has_run(head, _MIN_NOISE_CHARS):
        return ""
    longest = max(head.split(), key=len, default="")
    if not longest.isascii() or "://" in longest or longest.count("/") > 8:
        return ""
    noise = len(zlib.compress(longest.encode(), 6)) >= _NOISE_RATIO * len(longest)
    return longest if noise and any(map(str.isdigit, longest)) else ""


def _is_latin(text: str) -> bool:
    """Say whether nearly all letters are plain Latin ones: accents belong to languages, not to ciphers."""
    if text.isascii():
        return True
    letters = "".join(filter(str.isalpha, text))
    return len(letters) - len(letters.encode("ascii", "ignore")) <= _MAX_ACCENTED * len(text)


def _first(text: str, *patterns: re.Pattern[str]) -> str:
    return next((match.group() for pattern in patterns if (match := pattern.search(text))), "")


def _from_base64(token: str) -> str:
    bare = token.rstrip("=").replace("-", "+").replace("_", "/")[:1_024]
    try:
        return b64decode(bare[: len(bare) // 4 * 4], validate=True).decode("latin-1")
    except binascii.Error:
        return ""


def _from_base32(token: str) -> str:
    bare = token.rstrip("=")[:1_024]
    if not bare.isupper():
        return ""
    try:
        return b32decode(bare[: len(bare) // 8 * 8]).decode("latin-1")
    except binascii.Error:
        return ""


def _is_prose(text: str) -> bool:
    """Say whether decoded text is words: nearly all letters and spaces, in words of ordinary length."""
    if len(text) < 9:
        return False
    letters = sum(letter.isascii() and letter.isalpha() for letter in text)
    spaces = text.count(" ")
    return letters + spaces >= 0.85 * len(text) and spaces >= len(text) / 15
