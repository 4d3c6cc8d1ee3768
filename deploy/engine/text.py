"""From token ids to text as it grows: whole characters only, and never past a stop string."""

from collections.abc import Callable, Sequence

Decode = Callable[[Sequence[int]], str]
"""Token ids to text, special tokens left out."""

UNFINISHED = "\ufffd"
"""What a decoder prints for bytes that are not yet a character."""


class TextStream:
    """Turns tokens into text piece by piece; the pieces joined equal the whole text, cut at a stop.

    Only the tokens since the last finished piece are decoded again, with those of the piece before
    it as context (decoders treat the first token of a text specially).
    """

    def __init__(self, decode: Decode, stop: Sequence[str]) -> None:
        self._decode = decode
        self._stop = tuple(stop)
        self._ids: list[int] = []
        self._context_start = 0
        self._piece_start = 0
        self._held = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """Take in a token; returns the text that is now certain, often empty."""
        self._ids.append(token)
        context = self._decode(self._ids[self._context_start : self._piece_start])
        text = self._decode(self._ids[self._context_start :])
        if text.endswith(UNFINISHED) or len(text) <= len(context):
            return ""
        self._context_start, self._piece_start = self._piece_start, len(self._ids)
        return self._release(text[len(context) :])

    def finish(self) -> str:
        """What was held back because a character or a stop string might have gone on."""
        if self.stopped:
            return ""
        context = self._decode(self._ids[self._context_start : self._piece_start])
        rest = self._decode(self._ids[self._context_start :])[len(context) :]
        text = self._release(rest)
        held, self._held = self._held, ""
        return text + held

    def _release(self, piece: str) -> str:
        """Pass on all of it but a stop string, or an end that may become one."""
        text = self._held + piece
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a beginning of `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
