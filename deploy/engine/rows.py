"""One reply in the making: what was asked, the tokens so far, and whom to tell."""

from collections.abc import Sequence
from typing import Any, Protocol

from deploy.engine.sampling import Draw
from deploy.engine.scores import TokenScore, described
from deploy.engine.steering import Steering
from deploy.engine.text import Decode, TextStream
from moderation.chat import Finish


class Listener(Protocol):
    """Hears of one reply, on the decoding thread; returns at once."""

    def on_text(self, piece: str, logprobs: list[dict[str, Any]] | None) -> None:
        """More text, with the scores of its tokens if they were asked for; only when the row streams."""

    def on_finish(self, row: "Row") -> None:
        """The reply is complete: `text`, `finish` and `n_tokens` stand."""

    def on_failure(self, reason: str) -> None:
        """The reply cannot be had, for no fault of the request."""


class Row:
    """A prompt and its reply as it grows. Owned by the decoding thread once it was submitted."""

    def __init__(
        self,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        draw: Draw,
        stop: Sequence[str],
        streams: bool,
        listener: Listener,
        n_top: int | None = None,
        steering: Steering | None = None,
    ) -> None:
        self.prompt = tuple(prompt)
        self.max_tokens = max_tokens
        self.draw = draw
        self.tokens: list[int] = []
        self.text = ""
        self.finish: Finish | None = None
        self.cancelled = False
        """Set from any thread when nobody waits any more."""
        self.listener = listener
        self.n_top = n_top
        """How many likeliest tokens are noted at each place; None when no scores are asked for."""
        self.scores: list[TokenScore] = []
        self.logprobs: list[dict[str, Any]] | None = None
        """`scores` as the wire has them, once the reply is complete."""
        self.steering = steering
        self._n_described = 0
        self._stop = tuple(stop)
        self._streams = streams
        self._growing: TextStream | None = None

    @property
    def n_reserved(self) -> int:
        """Tokens of cache that it may come to fill."""
        return len(self.prompt) + self.max_tokens

    def take(self, token: int, ends: frozenset[int], decode: Decode) -> bool:
        """Add the chosen token; true when the reply is complete and the listener was told."""
        if token in ends:
            self._complete(Finish.STOP, decode)
            return True
        self.tokens.append(token)
        # Text is needed at each token only to stream it or to look for a stop string in it.
        if self._streams or self._stop:
            self._growing = self._growing or TextStream(decode, self._stop)
            self._say(self._growing.push(token), decode)
            if self._growing.stopped:
                self._complete(Finish.STOP, decode)
                return True
        if self.steering is not None:
            self.steering.take(token)
            if self.steering.ended:
                self._complete(Finish.STOP, decode)
                return True
        if len(self.tokens) >= self.max_tokens:
            self._complete(Finish.LENGTH, decode)
            return True
        return False

    def _complete(self, finish: Finish, decode: Decode) -> None:
        if self._growing is None:
            self.text = decode(self.tokens)
        else:
            self._say(self._growing.finish(), decode, last=True)
            # The last characters, given up as unfinished, may complete a stop string.
            finish = Finish.STOP if self._growing.stopped else finish
        if self.n_top is not None and not self._streams:
            self.logprobs = described(self.scores, decode)
        self.finish = finish
        self.listener.on_finish(self)

    def _say(self, piece: str, decode: Decode, *, last: bool = False) -> None:
        self.text += piece
        fresh = self.scores[self._n_described :] if self._streams else []
        if not (self._streams and (piece or (last and fresh))):
            return
        scored = None
        if self.n_top is not None:
            before = self.scores[self._n_described - 1] if self._n_described else None
            scored = described(fresh, decode, before)
            self._n_described = len(self.scores)
        self.listener.on_text(piece, scored)
