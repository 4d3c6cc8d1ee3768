"""The one check of an upload's content: its first line. Everything else is reported on the job."""

import orjson

from gateway.errors import ApiError

PEEK_BYTES = 1 << 20
"""How much of a first line is kept to look at."""
PHRASE = "Expected file to have JSONL format, where every line is a valid JSON dictionary."
"""Known clients look for this sentence."""


class FirstLine:
    """Collects the first line that is not blank, of bytes that come in pieces."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._number = 1
        self._whole = False

    def observe(self, data: bytes) -> None:
        """Look at the next bytes of the file."""
        if self._whole or len(self._kept) >= PEEK_BYTES:
            return
        self._kept += data[: PEEK_BYTES - len(self._kept)]
        while not self._whole and (end := self._kept.find(b"\n")) >= 0:
            if self._kept[:end].strip():
                del self._kept[end:]
                self._whole = True
            else:
                del self._kept[: end + 1]
                self._number += 1

    def check(self) -> None:
        """Raise the contract's 400 unless the line is, or at least begins, a JSON dictionary."""
        line = bytes(self._kept).removeprefix(b"\xef\xbb\xbf").strip()
        if not line:
            raise ApiError(400, f"{PHRASE} The file is empty.", param="file")
        cut = not self._whole and len(self._kept) >= PEEK_BYTES
        if not (line.startswith(b"{") if cut else _is_dictionary(line)):
            start = line[:40].decode("utf-8", "replace")
            raise ApiError(400, f"{PHRASE} Line {self._number} starts with: {start!r}.", param="file")


def _is_dictionary(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
