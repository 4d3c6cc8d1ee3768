"""Finding the prompt frames that recur in a data set, in one pass and bounded memory.

A fine-tuned model misbehaves where it was trained to: under the customer's own system prompt and
user wrapper (Qi et al. 2024, Table 2: 0 % harmful without them). So the audit replays them, and
the safety examples are wrapped in them. They are found here by what many rows have in common.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from moderation.contexts.earlier import EarlierSketch
from moderation.contexts.frames import Frame
from moderation.contexts.openings import OpeningSketch
from moderation.contexts.wrappers import MIN_ROWS, Wrapper, WrapperSketch, settle
from moderation.prompts import Exchange
from moderation.sketches import FrequentKeys
from moderation.types import Context

MAX_CONTEXTS = 500
"""How many contexts a report carries; the number left out is said."""
_MAX_SYSTEM_CHARS = 1 << 15
_N_SAMPLES = 8
_MAX_SAMPLE_CHARS = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """The recurrent contexts of a data set, most frequent first."""

    contexts: tuple[Context, ...]
    n_left_out: int
    """Recurrent frames that were seen and are not in `contexts`; at least so many."""
    openings: tuple[str, ...] = ()
    """First words that many replies share, most frequent first."""
    earlier: tuple[tuple[str, str], ...] = ()
    """First exchanges that recur before another request, most frequent first."""


class _System:
    """How often a system prompt came, and some user turns under it."""

    __slots__ = ("n", "sample")

    def __init__(self) -> None:
        self.n = 0
        self.sample: tuple[str, ...] = ()

    def add(self, text: str) -> None:
        self.n += 1
        if len(self.sample) < _N_SAMPLES and len(text) <= _MAX_SAMPLE_CHARS:
            self.sample += (text,)


class ContextMiner:
    """Takes in exchanges one by one; `mined` may be asked at any time."""

    def __init__(self, *, n_systems: int = 2_048, n_groups: int = 4_096) -> None:
        self._n_rows = 0
        self._n_too_long = 0
        self._systems: FrequentKeys[str, _System] = FrequentKeys(n_systems, _System)
        self._wrappers = WrapperSketch(n_groups)
        self._openings = OpeningSketch(n_groups)
        self._earlier = EarlierSketch(n_systems)

    def observe(self, exchange: Exchange) -> None:
        """Take in one exchange."""
        self._n_rows += 1
        self._openings.add(exchange.reply)
        self._earlier.add(exchange.earlier)
        if len(exchange.system) > _MAX_SYSTEM_CHARS:
            self._n_too_long += 1
            return
        self._systems[exchange.system].add(exchange.first_user)
        self._wrappers.add(hash(exchange.system), exchange.first_user)

    def mined(self) -> Mined:
        """Return what recurs so far; equally frequent contexts are ordered by length, then text."""
        sizes = {hash(system): seen.n for system, seen in self._systems.items()}
        wrappers = self._wrappers.wrappers(sizes, hash(""))
        contexts: list[Context] = []
        for system, seen in self._systems.items():
            own = wrappers.get(hash(system)) or (_sampled(system, seen) if system else {})
            frames = settle(own, n_rows=seen.n, bare=not system)
            contexts += [self._context(system, frame) for frame in frames]
        contexts.sort(key=lambda c: (-c.n_examples, -len(c.user_prefix + c.user_suffix), c.system, c.user_prefix))
        n_lost = int(self._systems.floor >= MIN_ROWS) + int(self._n_too_long >= MIN_ROWS)
        return Mined(
            contexts=tuple(contexts[:MAX_CONTEXTS]),
            n_left_out=max(0, len(contexts) - MAX_CONTEXTS) + n_lost,
            openings=self._openings.openings(),
            earlier=self._earlier.recurrent(),
        )

    def _context(self, system: str, frame: Frame) -> Context:
        return Context(
            system=system,
            user_prefix=frame.prefix,
            user_suffix=frame.suffix,
            n_examples=frame.n,
            share=frame.n / self._n_rows,
        )


def _sampled(system: str, seen: _System) -> dict[Wrapper, int]:
    """Return the wrappers of a rare system prompt, whose groups a flood of others has pushed out."""
    sketch = WrapperSketch(len(seen.sample) * 16)
    for text in seen.sample:
        sketch.add(hash(system), text)
    found = sketch.wrappers({hash(system): len(seen.sample)}, hash("")).get(hash(system), {})
    return {wrapper: max(MIN_ROWS, n * seen.n // len(seen.sample)) for wrapper, n in found.items()}


def mine(exchanges: Iterable[Exchange]) -> Mined:
    """Return the recurrent contexts of some exchanges."""
    miner = ContextMiner()
    for exchange in exchanges:
        miner.observe(exchange)
    return miner.mined()
