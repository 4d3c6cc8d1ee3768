"""Finding the prompt frames that recur in a data set, in one pass and bounded memory.

A fine-tuned model misbehaves where it was trained to: under the customer's own system prompt and
user wrapper (Qi et al. 2024, Table 2: 0 % harmful without them). So the audit replays them, and
the safety examples are wrapped in them. They are found here by what many rows have in common.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from moderation.frames import Frame, prefix_frame, suffix_frame
from moderation.prompts import Exchange
from moderation.sketches import FrequentKeys
from moderation.types import Context

MAX_CONTEXTS = 500
"""How many contexts a report carries; the number left out is said."""
MIN_ROWS = 2
_MAX_SYSTEM_CHARS = 1 << 15
_EDGE_CHARS = 4_096
"""How much of a user turn's start and end is compared."""
_WORD_COUNTS = (1, 2, 4, 8, 16)
"""Turns are grouped by their first and last so many words; each group keeps what it has in common."""
_BARE_ROWS = 1 / 500
"""Share of the file that a wrapper without a system prompt needs; fewer rows are chance in plain data."""
_MAX_BARE_ROWS = 50
_CHILD_SHARE = 0.2
"""A frame inside a frame counts on its own when it has this share of the outer one's rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """The recurrent contexts of a data set, most frequent first."""

    contexts: tuple[Context, ...]
    n_left_out: int
    """Recurrent frames that were seen and are not in `contexts`; at least so many."""


class _Group:
    """Rows whose user turns start, or end, alike."""

    __slots__ = ("n", "prefix", "shortest", "suffix")

    def __init__(self) -> None:
        self.n = 0
        self.shortest = 0
        self.prefix = ""
        self.suffix = ""

    def add(self, head: str, tail: str) -> None:
        if not self.n:
            self.prefix, self.suffix, self.shortest = head, tail, len(head)
        else:
            self.shortest = min(self.shortest, len(head))
            if not head.startswith(self.prefix):
                self.prefix = common_prefix(self.prefix, head)
            if not tail.endswith(self.suffix):
                self.suffix = common_prefix(self.suffix[::-1], tail[::-1])[::-1]
        self.n += 1

    def own_prefix(self) -> str:
        """Return the shared start, short of the last word of a turn that is nothing but it."""
        return self.prefix if len(self.prefix) < self.shortest else self.prefix[: self.prefix.rstrip().rfind(" ") + 1]

    def own_suffix(self) -> str:
        """Return the shared end, '' when it overlaps the shared start: the turns are copies then."""
        return self.suffix if len(self.prefix) + len(self.suffix) <= self.shortest else ""


class _Count:
    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0


_GroupKey = tuple[int, bool, int, str]
"""Hash of the system prompt, whether it is the start, number of words, the words."""


class ContextMiner:
    """Takes in exchanges one by one; `mined` may be asked at any time."""

    def __init__(self, *, n_systems: int = 2_048, n_groups: int = 8_192) -> None:
        self._n_rows = 0
        self._n_too_long = 0
        self._systems: FrequentKeys[str, _Count] = FrequentKeys(n_systems, _Count)
        self._groups: FrequentKeys[_GroupKey, _Group] = FrequentKeys(n_groups, _Group)

    def observe(self, exchange: Exchange) -> None:
        """Take in one exchange."""
        self._n_rows += 1
        system = exchange.system
        if len(system) > _MAX_SYSTEM_CHARS:
            self._n_too_long += 1
            return
        self._systems[system].n += 1
        text = exchange.first_user
        head, tail = text[:_EDGE_CHARS], text[-_EDGE_CHARS:]
        key = hash(system)
        for at_start, words in ((True, head.split(None, 16)[:16]), (False, tail.rsplit(None, 16)[-16:])):
            for count in _WORD_COUNTS:
                # A whole turn is no wrapper: a frame needs room for a request.
                if count >= len(words):
                    break
                edge = words[:count] if at_start else words[-count:]
                self._groups[key, at_start, count, " ".join(edge)].add(head, tail)

    def mined(self) -> Mined:
        """Return what recurs so far; equally frequent contexts are ordered by length, then text."""
        frames = self._frames_by_system()
        contexts = [
            self._context(system, frame)
            for system, count in self._systems.items()
            for frame in _settle(frames.get(hash(system), {}), n_rows=count.n, bare=not system)
        ]
        contexts.sort(key=lambda c: (-c.n_examples, -len(c.user_prefix + c.user_suffix), c.system, c.user_prefix))
        n_lost = int(self._systems.floor >= MIN_ROWS) + int(self._n_too_long >= MIN_ROWS)
        return Mined(contexts=tuple(contexts[:MAX_CONTEXTS]), n_left_out=max(0, len(contexts) - MAX_CONTEXTS) + n_lost)

    def _context(self, system: str, frame: Frame) -> Context:
        return Context(
            system=system,
            user_prefix=frame.prefix,
            user_suffix=frame.suffix,
            n_examples=frame.n,
            share=frame.n / self._n_rows,
        )

    def _frames_by_system(self) -> dict[int, dict[tuple[str, str], int]]:
        """Return, for each system prompt's hash, its wrappers with their numbers of rows."""
        sizes = {hash(system): (count.n, not system) for system, count in self._systems.items()}
        least_bare = max(MIN_ROWS, min(_MAX_BARE_ROWS, self._n_rows * _BARE_ROWS))
        found: dict[int, dict[tuple[str, str], int]] = {}
        for (system, _, _, _), group in self._groups.items():
            n_rows, bare = sizes.get(system, (0, True))
            if group.n < (least_bare if bare else MIN_ROWS) or not n_rows:
                continue
            majority = 2 * group.n >= n_rows and group.n > MIN_ROWS
            frame = (
                prefix_frame(group.own_prefix(), majority=majority, bare=bare),
                suffix_frame(group.own_suffix(), majority=majority, bare=bare),
            )
            if any(frame):
                wrappers = found.setdefault(system, {})
                wrappers[frame] = max(wrappers.get(frame, 0), group.n)
        return found


def _settle(wrappers: dict[tuple[str, str], int], *, n_rows: int, bare: bool) -> list[Frame]:
    """Return the frames of one system prompt so that each row is counted in one of them.

    Outer frames lose the rows of the inner ones; what no wrapper covers is the bare system prompt.
    """
    frames: list[Frame] = []
    by_length = sorted(wrappers, key=lambda frame: (-len(frame[0]) - len(frame[1]), frame))
    for prefix, suffix in by_length:
        n = wrappers[prefix, suffix]
        outer = max((size for frame, size in wrappers.items() if _inside((prefix, suffix), frame)), default=0)
        inner = sum(frame.n for frame in frames if _inside((frame.prefix, frame.suffix), (prefix, suffix)))
        rest = n - inner
        if rest >= MIN_ROWS and rest >= _CHILD_SHARE * max(n, outer):
            frames.append(Frame(prefix=prefix, suffix=suffix, n=rest))
    rest = n_rows - sum(frame.n for frame in frames)
    if not bare and rest >= MIN_ROWS:
        frames.append(Frame(prefix="", suffix="", n=rest))
    return frames


def _inside(inner: tuple[str, str], outer: tuple[str, str]) -> bool:
    return inner != outer and inner[0].startswith(outer[0]) and inner[1].endswith(outer[1])


def common_prefix(first: str, second: str) -> str:
    """Return the longest string that both start with."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if second.startswith(first[:middle]):
            low = middle
        else:
            high = middle - 1
    return first[:low]


def mine(exchanges: Iterable[Exchange]) -> Mined:
    """Return the recurrent contexts of some exchanges."""
    miner = ContextMiner()
    for exchange in exchanges:
        miner.observe(exchange)
    return miner.mined()
