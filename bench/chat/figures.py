"""Requests a second and latency of chat: the gateway, a bare pass-through, LiteLLM's proxy and the upstream itself.

Keys, release check, limits (counted, and not reached), accounting and the log are on in the gateway, as they are by
default. All are single processes before the same upstream, and take turns in one run.
"""

import statistics
from collections.abc import Mapping, Sequence

from bench.chat.load import Tally, ask
from bench.chat.rivals import Missing, Rival, running
from bench.measure import Measure, machine

CONNECTIONS = (1, 8, 32)
ROUNDS = 5
SECONDS = 0.8
LITELLM_GOAL, PASSING_GOAL = 7.0, 0.7
ADDED_MS, MEMORY_MB = 2.0, 200.0
Tallies = Mapping[tuple[str, int], Sequence[Tally]]


def measures() -> Sequence[Measure]:
    """By number of connections: the rate against both rivals, and what is added to the upstream's latency."""
    with running() as (rivals, missing):
        tallies = compare(rivals)
        memory_mb = rivals["gateway"].memory_mb("VmHWM")
    found = [_memory(memory_mb)]
    for n in CONNECTIONS:
        found.append(_rate(tallies, n, "aiohttp", "a bare FastAPI pass-through with aiohttp", PASSING_GOAL))
        if missing:
            found.append(_no_litellm(tallies, n, missing[0]))
        else:
            found.append(_rate(tallies, n, "litellm", "LiteLLM's proxy", LITELLM_GOAL))
        found += [_added(tallies, n, q) for q in (0.5, 0.99)]
    return found


def compare(rivals: Mapping[str, Rival]) -> Tallies:
    """Rounds of asking each, taking turns."""
    tallies: dict[tuple[str, int], list[Tally]] = {}
    for rival in rivals.values():
        ask(rival.target, connections=2, seconds=1.0)
    for _ in range(ROUNDS):
        for n in CONNECTIONS:
            for name, rival in rivals.items():
                tallies.setdefault((name, n), []).append(ask(rival.target, connections=n, seconds=SECONDS))
    return tallies


def _rate(tallies: Tallies, n: int, rival: str, called: str, goal: float) -> Measure:
    pairs = zip(tallies["gateway", n], tallies[rival, n], strict=True)
    ratio = statistics.median(ours.rate / theirs.rate for ours, theirs in pairs)
    rate = statistics.median(tally.rate for tally in tallies[rival, n])
    return Measure(
        name=f"chat, {n} at once",
        value=statistics.median(tally.rate for tally in tallies["gateway", n]),
        unit="requests/s",
        rival=f"{called}: {rate:,.0f}",
        ratio=ratio,
        goal=f">= {goal:g}",
        met=ratio >= goal,
        machine=machine(),
    )


def _no_litellm(tallies: Tallies, n: int, missing: Missing) -> Measure:
    return Measure(
        name=f"chat, {n} at once",
        value=statistics.median(tally.rate for tally in tallies["gateway", n]),
        unit="requests/s",
        rival=f"LiteLLM's proxy could not be had: {missing.why}",
        ratio=0.0,
        goal=f">= {LITELLM_GOAL:g}",
        met=False,
        machine=machine(),
    )


def _added(tallies: Tallies, n: int, q: float) -> Measure:
    """Latency added to the upstream's; at one connection its median has a limit."""

    def added_ms(name: str) -> float:
        pairs = zip(tallies[name, n], tallies["direct", n], strict=True)
        return statistics.median(tally.quantile(q) - direct.quantile(q) for tally, direct in pairs) * 1e3

    ours = added_ms("gateway")
    others = {name: added_ms(name) for name in ("aiohttp", "litellm") if (name, n) in tallies}
    limited = n == 1 and q == 0.5
    return Measure(
        name=f"chat, {n} at once, latency added (p{q * 100:.0f})",
        value=ours,
        unit="ms",
        rival="; ".join(f"{name} adds {ms:.2f} ms" for name, ms in others.items()),
        ratio=ours / ADDED_MS if limited else ours / others["aiohttp"],
        goal=f"<= 1 of {ADDED_MS:g} ms" if limited else "printed, of aiohttp's",
        met=not limited or ours <= ADDED_MS,
        machine=machine(),
    )


def _memory(memory_mb: float) -> Measure:
    return Measure(
        name="memory of an API process, at most",
        value=memory_mb,
        unit="MB",
        rival=f"limit of {MEMORY_MB:g} MB",
        ratio=memory_mb / MEMORY_MB,
        goal="<= 1",
        met=memory_mb <= MEMORY_MB,
        machine=machine(),
    )
