"""Counters that replicas share, and the migration that brought them."""

import threading

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from gateway.store import keys, usage
from gateway.store.database import MIGRATIONS, Database
from gateway.store.errors import LimitReached
from gateway.store.limits import Measure


def test_a_limit_is_exact_when_many_count_at_once(database) -> None:
    passed = []

    def count() -> None:
        try:
            with database.write() as session:
                usage.take(session, "key_a", Measure.REQUESTS, 1, limit=10, now=60)
            passed.append(1)
        except LimitReached:
            pass

    threads = [threading.Thread(target=count) for _ in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 10


def test_what_was_refused_is_not_counted_and_a_new_window_begins_at_nothing(database) -> None:
    def take(amount: int, now: int) -> usage.Allowance:
        with database.write() as session:
            return usage.take(session, "proj_a", Measure.TOKENS, amount, limit=10, now=now)

    assert take(7, now=61).remaining == 3
    with pytest.raises(LimitReached) as caught:
        take(4, now=100)
    assert caught.value.reset_s == 20
    assert take(3, now=119).remaining == 0
    assert take(1, now=120) == usage.Allowance(limit=10, remaining=9, reset_s=60)


def test_a_clock_that_is_set_back_begins_no_limit_anew(database) -> None:
    def take(amount: int, now: int) -> int:
        with database.write() as session:
            return usage.take(session, "proj_b", Measure.TOKENS, amount, limit=10, now=now).remaining

    assert take(6, now=600) == 4
    with database.read() as session:
        assert usage.used(session, "proj_b", Measure.TOKENS, now=65) == 6
    assert take(3, now=65) == 1
    with pytest.raises(LimitReached):
        take(2, now=66)
    assert take(10, now=120) == 0


def test_keys_made_before_keys_could_expire_go_on_working(tmp_path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/old.db")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.write() as session:
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0001")
        for statement in (
            "INSERT INTO organizations (id, name, created_at) VALUES ('o', 'o', 1)",
            "INSERT INTO projects (id, organization_id, name, policy_name, created_at) VALUES ('p', 'o', 'n', 'd', 1)",
            "INSERT INTO principals (id, project_id, name, role, created_at) VALUES ('u', 'p', 'x', 'member', 1)",
            f"INSERT INTO api_keys VALUES ('k', 'u', 'p', 'sk-', '{keys.digest('sk-old')}', 1, NULL)",
        ):
            session.execute(text(statement))
    database.migrate()
    with database.read() as session:
        assert keys.verify(session, "sk-old", now=2**40).key_id == "k"
    database.close()
