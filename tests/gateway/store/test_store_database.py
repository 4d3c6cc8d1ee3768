"""Transactions, migrations and sequence numbers."""

import multiprocessing
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from gateway.store import job_queries, tenants
from gateway.store.database import Database
from gateway.store.errors import NotFound
from gateway.store.ids import Ids
from gateway.store.models import Base, Event, Job, Organization, Project


def _migrate(url: str) -> None:
    database = Database.open(url)
    database.migrate()
    database.close()


def test_the_migrations_make_exactly_the_models(database) -> None:
    with database.read() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def test_several_processes_may_migrate_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/b.db"
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_migrate, args=(url,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]


def test_migrating_twice_changes_nothing(database, principal) -> None:
    database.migrate()
    with database.read() as session:
        assert session.get(Project, principal.project_id) is not None


def _write_then_fail(database: Database, ids: Ids) -> None:
    with database.write() as session:
        tenants.ensure_organization(session, ids, "gone", now=1)
        tenants.project(session, "proj_none")


def test_a_transaction_that_raises_leaves_nothing(database, ids) -> None:
    with pytest.raises(NotFound):
        _write_then_fail(database, ids)
    with database.read() as session:
        assert session.query(Organization).all() == []


def test_foreign_keys_are_enforced(database, ids) -> None:
    with pytest.raises(IntegrityError), database.write() as session:
        tenants.create_project(session, ids, organization_id="org-none", name="q", policy_name="default", now=1)


def test_writers_in_many_threads_get_one_order(database, ids, asked) -> None:
    requests = [asked(str(i)) for i in range(12)]

    def create(new: job_queries.NewJob) -> None:
        with database.write() as session:
            job_queries.create(session, ids, new, now=1)

    threads = [threading.Thread(target=create, args=(new,)) for new in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as session:
        assert sorted(job.sequence for job in session.query(Job)) == list(range(1, 13))
        assert sorted(event.sequence for event in session.query(Event)) == list(range(1, 13))


def test_a_reader_does_not_wait_for_a_writer(database, principal) -> None:
    with database.write() as writing:
        writing.get(Project, principal.project_id).policy_name = "other"
        writing.flush()
        with database.read() as reading:
            assert reading.get(Project, principal.project_id).policy_name == "default"
