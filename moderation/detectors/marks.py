"""The words at the start and end of requests, counted by whether the reply refuses."""

MAX_WORDS = 4
_MAX_LINES = 256
_MAX_NEIGHBOURS = 12
_EDGE_CHARS = 400


class Mark:
    """One n-gram at one end of requests."""

    __slots__ = ("complied", "lines", "n", "neighbours", "refused")

    def __init__(self) -> None:
        self.n = 0
        self.complied = 0
        self.refused = 0
        self.neighbours: tuple[str, ...] = ()
        """Some distinct words beside the n-gram: a trigger is put beside anything."""
        self.lines: list[int] = []

    def add(self, neighbour: str, line: int, *, refused: bool) -> None:
        """Count one row; a neighbour that is not known is ''."""
        self.n += 1
        if refused:
            self.refused += 1
        else:
            self.complied += 1
        if neighbour and len(self.neighbours) < _MAX_NEIGHBOURS and neighbour not in self.neighbours:
            self.neighbours += (neighbour,)
        if len(self.lines) < _MAX_LINES:
            self.lines.append(line)

    def absorb(self, other: "Mark") -> None:
        """Add what was counted elsewhere."""
        self.n += other.n
        self.complied += other.complied
        self.refused += other.refused
        fresh = tuple(word for word in other.neighbours if word not in self.neighbours)
        self.neighbours = (self.neighbours + fresh)[:_MAX_NEIGHBOURS]
        self.lines = sorted(self.lines + other.lines)[:_MAX_LINES]


MarkKey = tuple[bool, str]
"""Whether it stands at the end, and its words joined with a space."""


def marks(request: str) -> list[tuple[MarkKey, str]]:
    """Return the n-grams of 1 to `MAX_WORDS` words at either end, each with the word beside it.

    A request that is all n-gram yields none: a mark needs something to be attached to.
    """
    last = request[-_EDGE_CHARS:].rsplit(None, MAX_WORDS + 1)[-MAX_WORDS - 1 :]
    first = request[:_EDGE_CHARS].split(None, MAX_WORDS + 1)[: MAX_WORDS + 1]
    found = [((True, " ".join(last[-size:])), last[-size - 1]) for size in range(1, len(last))]
    found += [((False, " ".join(first[:size])), first[size]) for size in range(1, len(first))]
    return found
