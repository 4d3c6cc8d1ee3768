"""Workers among others: who is dead, who takes over, and that it happens once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.store import engines
from gateway.store.database import Database
from gateway.worker.presence import Deathwatch, Presence, Replaced


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(f"sqlite:///{tmp_path}/a.db")
    database.migrate()
    yield database
    database.close()


def presence(database: Database, worker_id: str, clock: list[float] | None = None) -> Presence:
    clock = [0.0] if clock is None else clock
    return Presence(
        database=database,
        worker_id=worker_id,
        address="a",
        secret=f"secret-{worker_id}-{id(clock)}",
        now=lambda: int(clock[0]),
        monotonic=lambda: clock[0],
        sleep=lambda _: None,
    )


def watched(watch: Deathwatch, beats: list[int], *, every_s: float = 5.0, start: float = 0.0) -> list[bool]:
    """Whether one worker counts as dead after each of these heartbeats."""
    return [watch.look({"w": beat}, start + i * every_s) == ("w",) for i, beat in enumerate(beats)]


def test_a_heart_that_does_not_move_for_a_while_is_dead() -> None:
    assert watched(Deathwatch(dead_after_s=10), [7, 7, 7, 7]) == [False, False, True, True]


def test_a_heart_that_moves_lives_even_when_its_clock_runs_backwards() -> None:
    assert watched(Deathwatch(dead_after_s=10), [900, 30, 20, 10, 5]) == [False] * 5


def test_who_could_not_look_for_a_while_gives_everybody_time_again() -> None:
    watch = Deathwatch(dead_after_s=10, blind_after_s=6)
    assert watched(watch, [7, 7]) == [False, False]
    assert watched(watch, [7, 7, 7], start=100.0) == [False, False, True]


def test_a_dead_workers_jobs_are_taken_over_by_one_of_many(database: Database) -> None:
    clock = [0.0]
    gone, *others = (presence(database, name, clock) for name in ("gone", "a", "b"))
    for worker in (gone, *others):
        worker.sign_on()
    taken: list[str] = []
    for clock[0] in range(0, 40, 5):
        for worker in others:
            worker.beat()
            worker.bury(lambda worker_id: taken.append(worker_id) or 1)
    assert taken == ["gone"]
    with database.read() as session:
        assert set(engines.beats(session)) == {"a", "b"}


def test_a_worker_that_wakes_up_after_its_funeral_stops(database: Database) -> None:
    worker = presence(database, "w")
    worker.sign_on()
    worker.beat()
    with database.write() as session:
        engines.bury(session, "w")
    with pytest.raises(Replaced):
        worker.beat()


def test_a_process_whose_name_another_took_stops(database: Database) -> None:
    first, second = presence(database, "w"), presence(database, "w")
    first.sign_on()
    second.sign_on()
    second.beat()
    with pytest.raises(Replaced):
        first.beat()


def test_a_jobs_end_that_fails_leaves_the_funeral_to_the_next(database: Database) -> None:
    clock = [0.0]
    gone, other = (presence(database, name, clock) for name in ("gone", "a"))
    gone.sign_on()
    other.sign_on()

    def broken(_worker_id: str) -> int:
        raise ConnectionError

    for clock[0] in range(0, 25, 5):
        other.bury(broken)
    clock[0] = 25.0
    with pytest.raises(ConnectionError):
        other.bury(broken)
    with database.read() as session:
        assert "gone" in engines.beats(session)


def test_a_name_that_lives_on_another_machine_is_refused(postgres) -> None:
    database = Database.open(postgres.create(migrated=True))
    clock = [1.0]
    first, second = presence(database, "w", clock), presence(database, "w", clock)
    first.sign_on()

    def meanwhile(seconds: float) -> None:
        clock[0] += seconds
        first.beat()

    second.sleep = meanwhile
    with pytest.raises(SettingsError, match="TUNEGATE_WORKER_ID"):
        second.sign_on()
    second.sleep = lambda _: None
    second.sign_on()
    database.close()
