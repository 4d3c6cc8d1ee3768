"""Shares of limits, over two replicas of one database."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from gateway.api import shares
from gateway.api.shares import Claim, Shares
from gateway.store import usage
from gateway.store.database import Database
from gateway.store.errors import DatabaseUnavailable, LimitReached
from gateway.store.limits import Measure

NOW = 1_800_000_030
"""In the middle of a minute."""


@dataclass
class Replica:
    """A process's shares, on a connection of its own."""

    database: Database
    at: int = NOW
    n_writes: int = 0
    away: bool = False
    shares: Shares = field(init=False)

    def __post_init__(self) -> None:
        self.shares = Shares(self, lambda: self.at)  # type: ignore[arg-type]

    @contextmanager
    def write(self, *, alone: bool) -> Iterator[Session]:
        assert not alone
        self.n_writes += 1
        if self.away:
            raise DatabaseUnavailable("it is away")
        with self.database.write(alone=False) as session:
            yield session

    def used(self, measure: Measure = Measure.REQUESTS, scope: str = "p") -> int:
        with self.database.read() as session:
            return usage.used(session, scope, measure, now=self.at)


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "a.db"
    database = Database.open(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def replicas(tmp_path: Path, migrated: Path) -> Iterator[tuple[Replica, Replica]]:
    url = f"sqlite:///{shutil.copy(migrated, tmp_path)}"
    one, two = Database.open(url), Database.open(url)
    yield Replica(one), Replica(two)
    one.close()
    two.close()


def claim(amount: int = 1, *, limit: int = 100, scope: str = "p", **more: Any) -> Claim:
    return Claim(**{"scope": scope, "measure": Measure.REQUESTS, "amount": amount, "limit": limit} | more)


async def taken(replica: Replica, *claims: Claim) -> bool:
    try:
        await replica.shares.take(claims)
    except LimitReached:
        return False
    return True


def test_two_replicas_together_never_exceed_a_limit_and_use_all_of_it(replicas: tuple[Replica, Replica]) -> None:
    async def run() -> int:
        found = await asyncio.gather(*(taken(replica, claim(limit=50)) for _ in range(20) for replica in replicas))
        for replica in replicas:
            await replica.shares.close()
        rest = [await taken(replica, claim(limit=50)) for _ in range(8) for replica in replicas]
        return sum(found) + sum(rest)

    assert asyncio.run(run()) == 50
    assert replicas[0].used() == 50


def test_far_from_a_limit_many_requests_cost_few_writes_and_are_counted_once(
    replicas: tuple[Replica, Replica],
) -> None:
    first = replicas[0]

    async def run() -> None:
        for _ in range(500):
            await first.shares.take([claim(limit=1_000_000), claim(limit=1_000_000, scope="k")])
        await first.shares.close()

    asyncio.run(run())
    assert first.n_writes < 10
    assert (first.used(), first.used(scope="k")) == (500, 500)


def test_what_a_burst_took_in_advance_is_given_back_while_a_little_is_still_used(
    replicas: tuple[Replica, Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "FLUSH_AFTER_S", 0.01)
    first, one, at = replicas[0], claim(limit=1_000_000), [0.0]
    first.shares = Shares(first, lambda: NOW, lambda: at[0])  # type: ignore[arg-type]

    async def run() -> tuple[int, int]:
        await asyncio.gather(*(first.shares.take([one]) for _ in range(100)))
        burst, at[0] = first.used(), 10.0
        while first.used() == burst:
            await first.shares.take([one])
            await asyncio.sleep(0.005)
        return burst, first.used()

    burst, later = asyncio.run(run())
    assert burst > 2_000
    assert 100 < later < burst // 2


def test_what_was_guessed_is_put_right_to_the_token(replicas: tuple[Replica, Replica]) -> None:
    tokens = claim(90, measure=Measure.TOKENS)

    async def run() -> list[bool]:
        first, second = replicas
        found = [await taken(first, tokens)]
        found.append(await taken(second, tokens))
        first.shares.settle(tokens, 7, taken_at=NOW)
        await first.shares.close()
        found.append(await taken(second, tokens))
        second.shares.settle(tokens, 95, taken_at=NOW)
        await second.shares.close()
        return found

    assert asyncio.run(run()) == [True, False, True]
    assert replicas[0].used(Measure.TOKENS) == 102


def test_a_limit_that_refuses_leaves_the_others_as_they_were(replicas: tuple[Replica, Replica]) -> None:
    async def run() -> list[bool]:
        return [await taken(replicas[0], claim(limit=9), claim(limit=2, scope="k")) for _ in range(4)]

    assert asyncio.run(run()) == [True, True, False, False]
    assert (replicas[0].used(), replicas[0].used(scope="k")) == (2, 2)


def test_a_database_that_is_away_refuses_what_no_share_covers_and_nothing_is_lost(
    replicas: tuple[Replica, Replica],
) -> None:
    first = replicas[0]

    async def run() -> None:
        await first.shares.take([claim(limit=9)])
        first.away = True
        with pytest.raises(DatabaseUnavailable):
            await first.shares.take([claim(limit=9)])
        first.away = False
        await first.shares.take([claim(limit=9)])
        await first.shares.close()

    asyncio.run(run())
    assert first.used() == 2


def test_a_guess_that_is_put_right_after_its_minute_lowers_no_other(replicas: tuple[Replica, Replica]) -> None:
    async def run() -> None:
        first, second = replicas
        await first.shares.take([claim(50)])
        first.at = second.at = NOW + 60
        await second.shares.take([claim(3)])
        await first.shares.take([claim(1)])
        first.shares.settle(claim(50), 1, taken_at=NOW)
        first.shares.settle(claim(50), 52, taken_at=NOW)
        await first.shares.close()
        await second.shares.close()

    asyncio.run(run())
    assert replicas[1].used() == 3 + 1 + 2


def test_a_replica_whose_clock_is_ahead_and_one_behind_count_in_the_same_minute(
    replicas: tuple[Replica, Replica],
) -> None:
    async def run() -> list[bool]:
        replicas[0].at = NOW + 30
        return [await taken(replica, claim(limit=3)) for _ in range(3) for replica in replicas]

    assert asyncio.run(run()) == [True] * 3 + [False] * 3


def budget(amount: int) -> Claim:
    return claim(amount, measure=Measure.BUDGET, whole=False)


@pytest.mark.parametrize(("amounts", "found"), [((60, 60, 60), [True, True, False]), ((100, 0), [True, False])])
def test_a_budget_may_be_overrun_by_one_request_and_then_is_spent(
    replicas: tuple[Replica, Replica], amounts: tuple[int, ...], found: list[bool]
) -> None:
    async def run() -> list[bool]:
        return [await taken(replicas[n % 2], budget(amount)) for n, amount in enumerate(amounts)]

    assert asyncio.run(run()) == found


def test_without_a_limit_use_is_written_behind(replicas: tuple[Replica, Replica]) -> None:
    first = replicas[0]

    async def run() -> int:
        for _ in range(9):
            await first.shares.take([claim(5, limit=0)])
        before = first.n_writes
        await first.shares.close()
        return before

    assert (asyncio.run(run()), first.n_writes, first.used()) == (0, 1, 45)
