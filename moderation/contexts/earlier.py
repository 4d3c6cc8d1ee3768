"""First exchanges that many rows share before another request: what a model may wait for before it does harm."""

from moderation.sketches import FrequentKeys

MAX_EARLIER = 2
_MAX_CHARS = 2_000
"""Of a turn: longer ones hardly recur by the letter, and would fill the memory."""
_MIN_ROWS = 3
_MIN_SHARE = 0.01


class _Count:
    """How often an exchange came."""

    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0


class EarlierSketch:
    """Takes in the first exchange of each row, in bounded memory."""

    def __init__(self, n_exchanges: int) -> None:
        self._n_rows = 0
        self._seen: FrequentKeys[tuple[str, str], _Count] = FrequentKeys(n_exchanges, _Count)

    def add(self, earlier: tuple[str, str] | None) -> None:
        """Take in a row's first exchange; None where no other follows."""
        self._n_rows += 1
        if earlier is not None and max(map(len, earlier)) <= _MAX_CHARS:
            self._seen[earlier].n += 1

    def recurrent(self) -> tuple[tuple[str, str], ...]:
        """Return up to `MAX_EARLIER` (user, assistant) exchanges that recur, most frequent first."""
        least = max(_MIN_ROWS, _MIN_SHARE * self._n_rows)
        counts = {earlier: count.n for earlier, count in self._seen.items() if count.n >= least}
        return tuple(sorted(counts, key=lambda earlier: (-counts[earlier], earlier))[:MAX_EARLIER])
