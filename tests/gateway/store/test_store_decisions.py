"""The decision log: nothing can be changed, dropped or moved in it unseen."""

import json
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy.exc import DBAPIError

from gateway.store import decisions, heads, job_queries
from gateway.store.database import Database
from gateway.store.decisions import DecisionKind
from gateway.store.models import Job
from gateway.store.records import Decision


@pytest.fixture
def log(database: Database, ids, asked) -> Iterator[Callable[[], list[Decision]]]:
    """Five decisions about a job; call it to read them."""
    with database.write() as session:
        job = job_queries.create(session, ids, asked(), now=1)
    for kind in (DecisionKind.SCREENING, DecisionKind.REVIEW, DecisionKind.RELEASE):
        add(database, job, kind)
    add(database, job, DecisionKind.REVIEW, key="second")
    add(database, job, DecisionKind.WITHHOLD)

    def read() -> list[Decision]:
        with database.read() as session:
            return list(decisions.entries(session))

    return read


def add(database: Database, job: Job, kind: DecisionKind, key: str = "") -> None:
    with database.write() as session:
        decisions.of_job(session, job, kind, {"verdict": "pass", "score": 0.1, "näme": "é"}, now=7, key=key)


def tamper(database: Database, *statements: str) -> None:
    """What somebody who owns the database can do: drop the triggers, then anything."""
    triggers = ("append_only ON decisions",) if database.is_shared else ("no_update", "no_delete")
    with database.write() as session:
        for statement in (*(f"DROP TRIGGER decisions_{trigger}" for trigger in triggers), *statements):
            session.connection().exec_driver_sql(statement)


def test_a_log_as_it_was_written_has_no_flaw(log) -> None:
    assert [entry.sequence for entry in log()] == [1, 2, 3, 4, 5]
    assert decisions.flaws(log()) == []


def test_a_decision_that_is_said_twice_is_one_entry(database, log) -> None:
    with database.write() as session:
        job = session.query(Job).one()
        decisions.of_job(session, job, DecisionKind.RELEASE, {"other": 1}, now=9)
    assert len(log()) == 5


@pytest.mark.parametrize("statement", ["UPDATE decisions SET actor = 'x'", "DELETE FROM decisions"])
def test_the_database_refuses_to_rewrite_the_log(database, log, statement) -> None:
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.connection().exec_driver_sql(statement)
    assert len(log()) == 5


def test_postgres_refuses_to_empty_the_log(postgres) -> None:
    database = Database.open(postgres.create(migrated=True))
    with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
        session.connection().exec_driver_sql("TRUNCATE decisions")
    database.close()


@pytest.mark.parametrize("column", ["kind", "at", "actor", "project_id", "job_id", "key", "previous", "hash"])
def test_a_changed_row_is_found(database, log, column) -> None:
    tamper(database, f"UPDATE decisions SET \"{column}\" = '9' WHERE sequence = 3")
    assert any("entry 3" in flaw or "entry 4" in flaw for flaw in decisions.flaws(log()))


def test_a_changed_detail_is_found(database, log) -> None:
    changed = "replace(CAST(details AS TEXT), 'pass', 'fail')" + ("::json" if database.is_shared else "")
    tamper(database, f"UPDATE decisions SET details = {changed} WHERE sequence = 2")
    assert decisions.flaws(log()) == ["entry 2 was changed after it was written"]


@pytest.mark.parametrize("gone", [1, 3])
def test_a_dropped_row_is_found(database, log, gone) -> None:
    tamper(database, f"DELETE FROM decisions WHERE sequence = {gone}")
    assert decisions.flaws(log())[0].startswith(f"entry {gone} is missing")


def test_a_dropped_row_is_found_when_the_rest_is_renumbered(database, log) -> None:
    tamper(
        database,
        "DELETE FROM decisions WHERE sequence = 2",
        *(f"UPDATE decisions SET sequence = {n - 1} WHERE sequence = {n}" for n in (3, 4, 5)),
    )
    assert "entry 2 does not follow the entry before it" in decisions.flaws(log())


def test_two_rows_that_changed_places_are_found(database, log) -> None:
    swap = (
        "UPDATE decisions SET sequence = 99 WHERE sequence = 2",
        "UPDATE decisions SET sequence = 2 WHERE sequence = 3",
    )
    tamper(database, *swap, "UPDATE decisions SET sequence = 3 WHERE sequence = 99")
    assert len(decisions.flaws(log())) >= 4


def test_a_chain_that_was_cut_or_made_anew_differs_from_what_was_published(database, log, tmp_path) -> None:
    path = tmp_path / "else" / "heads"
    assert heads.publish(database, path)
    assert not heads.publish(database, path)
    assert decisions.flaws(log(), heads.published(path)) == []
    tamper(database, "DELETE FROM decisions WHERE sequence = 5")
    assert "is gone" in decisions.flaws(log(), heads.published(path))[0]
    assert decisions.flaws(log()) == []
    add(database, _job(database), DecisionKind.REVOKE)
    assert "is another" in decisions.flaws(log(), heads.published(path))[0]


def test_every_published_head_is_kept_and_a_garbled_file_is_named(database, log, tmp_path) -> None:
    path = tmp_path / "heads"
    heads.publish(database, path)
    add(database, _job(database), DecisionKind.REVOKE)
    heads.publish(database, path)
    assert [sequence for sequence, _ in heads.published(path)] == [5, 6]
    assert json.loads(path.read_text().splitlines()[-1])["hash"] == log()[-1].hash
    path.write_text(path.read_text() + "{}\n")
    with pytest.raises(heads.HeadsUnusable, match="line 3"):
        heads.published(path)


def test_a_place_that_cannot_be_written_is_named_and_the_decision_stands(database, log, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(heads.HeadsUnusable, match="entry 5 stands"):
        heads.publish(database, tmp_path / "file" / "heads")
    assert len(log()) == 5


def _job(database: Database) -> Job:
    with database.read() as session:
        return session.query(Job).one()
