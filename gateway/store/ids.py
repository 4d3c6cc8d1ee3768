"""Identifiers in OpenAI's shapes."""

import hashlib
import string
from collections.abc import Callable
from enum import StrEnum

ALPHABET = string.ascii_letters + string.digits
# Six bits of a byte make a letter; 62 of 64 do, the others are dropped, so that all are as likely.
_LETTERS = bytes(ord(ALPHABET[byte % 64 % 62]) for byte in range(256))
_NO_LETTERS = bytes(byte for byte in range(256) if byte % 64 >= 62)
TokenBytes = Callable[[int], bytes]
"""Gives so many random bytes, e.g. `secrets.token_bytes`."""


class IdKind(StrEnum):
    """What an identifier is of; the value is its prefix."""

    FILE = "file-"
    JOB = "ftjob-"
    EVENT = "ftevent-"
    CHECKPOINT = "ftckpt_"
    SCREENING = "scr_"
    REVIEW = "rev_"
    REAUDIT = "reaudit_"
    MODERATION = "modr-"
    CHAT = "chatcmpl-"
    ORGANIZATION = "org-"
    PROJECT = "proj_"
    KEY = "key_"
    REQUEST = "req_"
    UPLOAD = "upload_"
    PART = "part_"
    WEBHOOK = "wh_"
    NOTICE = "evt_"
    COMPLETION = "cmpl-"
    USER = "user-"
    MEMBER = "member_"
    SERVICE_ACCOUNT = "svc_acct_"
    ACT = "audit_log-"
    EXPORT = "export_"


class Ids:
    """Makes new identifiers from a source of random bytes."""

    def __init__(self, token_bytes: TokenBytes) -> None:
        self._token_bytes = token_bytes

    def new(self, kind: IdKind) -> str:
        """A fresh identifier: the prefix and 24 letters and digits (142 random bits)."""
        return kind + self.letters(24)

    def letters(self, n: int) -> str:
        """`n` random letters and digits; eight of them end the name of a fine-tuned model."""
        found = b""
        while len(found) < n:
            found += self._token_bytes(n + 8).translate(_LETTERS, _NO_LETTERS)
        return found[:n].decode()

    def token(self, n: int) -> bytes:
        """`n` random bytes, for what has to be a secret."""
        return self._token_bytes(n)

    def integer(self, below: int) -> int:
        """A random integer in [0, below)."""
        return int.from_bytes(self._token_bytes(16)) % below


def derived(kind: IdKind, *parts: str) -> str:
    """The one identifier that belongs to these parts, the same whenever it is asked for."""
    return kind + encode(hashlib.sha256("\0".join(parts).encode()).digest(), 24)


def encode(data: bytes, n: int) -> str:
    """The lowest `n` base-62 digits of the bytes read as an integer."""
    number = int.from_bytes(data)
    digits = []
    for _ in range(n):
        number, digit = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(digits)
