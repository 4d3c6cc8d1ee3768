"""What is remembered of either database is forgotten when it is so no more, and not used unconfirmed."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy.orm import Session

from gateway.store import engines, keys, tenants
from gateway.store.database import Database
from gateway.store.errors import DatabaseUnavailable, NotFound
from gateway.store.ids import Ids
from gateway.store.keys import OwnerOf
from gateway.store.memory import CONFIRM_AFTER_S, TRUSTED_S, VERSION, Memory
from gateway.store.models import ApiKey, Principal, Project


@dataclass
class Replica:
    """Another process on the same database, with a clock that stands still."""

    database: Database
    now: float = 1_000.0
    n_reads: int = 0
    away: bool = False
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        self.memory = Memory(self.read, monotonic=lambda: self.now)

    def read(self) -> Any:
        self.n_reads += 1
        if self.away:
            raise DatabaseUnavailable("it is away")
        return self.database.read()


@pytest.fixture
def replica(new_url: Callable[[bool], str], database: Database) -> Iterator[Replica]:
    other = Database.open(database._writer.url.render_as_string(hide_password=False))
    yield Replica(other)
    other.close()


@pytest.fixture
def key(database: Database, ids: Ids, principal: Principal) -> str:
    with database.write() as session:
        return keys.create(session, ids, ids.token, principal, now=1)


def version(database: Database) -> int:
    with database.read() as session:
        found: int = session.scalar(VERSION)
        return found


def test_what_stops_being_so_counts_and_what_is_new_does_not(
    database: Database, ids: Ids, principal: Principal
) -> None:
    def serve(session: Session, **columns: object) -> None:
        lease = session.get(engines.EngineLease, "m")
        for name, value in columns.items():
            setattr(lease, name, value)

    made: list[Callable[[Session], object]] = [
        lambda session: keys.create(session, ids, ids.token, principal, now=1),
        lambda session: engines.want(session, "m", now=1),
        lambda session: serve(session, lease_until=9, last_used_at=9),
    ]
    ended: list[Callable[[Session], object]] = [
        lambda session: keys.revoke(session, session.query(ApiKey).one().id, now=1),
        lambda session: setattr(session.get_one(Principal, principal.id), "role", "admin"),
        lambda session: tenants.archive_project(session.get_one(Project, principal.project_id), now=1),
        lambda session: serve(session, address="/e.sock"),
        lambda session: session.query(engines.EngineLease).delete(),
        lambda session: session.query(ApiKey).delete(),
    ]
    for does_count, changes in ((False, made), (True, ended)):
        for number, change in enumerate(changes):
            before = version(database)
            with database.write() as session:
                change(session)
            assert (version(database) > before) is does_count, (does_count, number)


def test_what_was_rolled_back_counts_for_nothing(database: Database, key: str) -> None:
    before = version(database)
    with pytest.raises(NotFound), database.write() as session:
        session.query(ApiKey).delete() and keys.revoke(session, "none", now=1)
    assert version(database) == before


def ask(replica: Replica, key: str) -> bool:
    async def get() -> bool:
        found = await replica.memory.get(OwnerOf(keys.digest(key))) is not None
        await asyncio.get_running_loop().shutdown_default_executor()
        return found

    return asyncio.run(get())


def test_a_revoked_key_opens_nothing_half_a_second_later_on_any_replica(
    database: Database, replica: Replica, key: str
) -> None:
    assert ask(replica, key)
    with database.write() as session:
        keys.revoke(session, session.query(ApiKey).one().id, now=1)
    replica.now += TRUSTED_S + 0.001
    assert not ask(replica, key)


def test_a_new_key_opens_at_once_on_every_replica(database: Database, replica: Replica, ids: Ids, key: str) -> None:
    assert ask(replica, key)
    with database.write() as session:
        second = keys.create(session, ids, ids.token, session.query(Principal).one(), now=1)
    assert ask(replica, second)


def test_many_requests_cost_one_read_and_one_more_a_while_later_for_which_nobody_waits(
    replica: Replica, key: str
) -> None:
    assert [ask(replica, key) for _ in range(9)] == [True] * 9
    assert replica.n_reads == 1
    replica.now += CONFIRM_AFTER_S + 0.001
    assert [ask(replica, key) for _ in range(9)] == [True] * 9
    assert replica.n_reads == 2


def test_a_database_that_goes_away_is_missed_within_half_a_second(replica: Replica, key: str) -> None:
    assert ask(replica, key)
    replica.away = True
    replica.now += CONFIRM_AFTER_S + 0.001
    assert ask(replica, key)
    replica.now += TRUSTED_S
    with pytest.raises(DatabaseUnavailable):
        ask(replica, key)


def test_what_this_process_writes_is_looked_at_before_the_next_answer(database: Database, key: str) -> None:
    question = OwnerOf(keys.digest(key))
    assert database.memory.find(question) is not None
    assert database.memory.recall(question) is not None
    with database.write() as session:
        keys.revoke(session, session.query(ApiKey).one().id, now=1)
    assert database.memory.recall(question) is None
    assert database.memory.find(question) is None


@dataclass(frozen=True)
class Slow:
    """A question during whose answering something is revoked."""

    meanwhile: Callable[[], None]

    def ask(self, session: Session) -> str:
        self.meanwhile()
        return "as it was"


def test_an_answer_that_was_overtaken_is_not_remembered(database: Database, replica: Replica, key: str) -> None:
    def revoke() -> None:
        with database.write() as session:
            keys.revoke(session, session.query(ApiKey).one().id, now=1)
        replica.memory.find(OwnerOf("another"))  # a request that learns of it first

    question = Slow(revoke)
    assert replica.memory.find(question) == "as it was"
    assert replica.memory.recall(question) is None
