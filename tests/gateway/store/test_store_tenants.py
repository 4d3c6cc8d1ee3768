"""Limits and their windows, what a project's jobs may take, and what is left of a project that was erased."""

from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, select, text

from gateway.store import admission, decisions, erasing, job_queries, jobs, keys, limits, tenants, trail, usage
from gateway.store.database import MIGRATIONS, Database
from gateway.store.errors import LimitReached, NotErasable
from gateway.store.limits import Limits, Measure, Own
from gateway.store.models import Base, Job, JobState, Model, Principal, Project
from gateway.store.permissions import REVIEWER

NOT_OF_A_PROJECT = {
    "organizations", "users", "admin_keys", "projects", "policies", "workers", "engines", "head_places", "trail",
    "decisions", "validity",
}  # fmt: skip


def at(*moment: int) -> int:
    return int(datetime(*moment, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("measure", "now", "start", "end"),
    [
        (Measure.TOKENS, at(2026, 2, 3, 4, 5, 6), at(2026, 2, 3, 4, 5), at(2026, 2, 3, 4, 6)),
        (Measure.DETAILS, at(2026, 2, 3, 4, 5, 6), at(2026, 2, 3, 4), at(2026, 2, 3, 5)),
        (Measure.UPLOAD_BYTES, at(2026, 2, 28, 23), at(2026, 2, 28), at(2026, 3, 1)),
        (Measure.BUDGET, at(2026, 12, 31, 23, 59, 59), at(2026, 12, 1), at(2027, 1, 1)),
        (Measure.GPU_SECONDS, at(2028, 2, 29), at(2028, 2, 1), at(2028, 3, 1)),
    ],
)
def test_a_window_is_a_minute_an_hour_a_day_or_a_calendar_month_in_utc(measure, now, start, end) -> None:
    assert limits.window(measure, now) == (start, end)


@pytest.mark.parametrize(
    ("granted", "chosen", "in_force"),
    [(None, None, 5), (None, 9, 5), (None, 0, 5), (None, 3, 3), (9, None, 9), (9, 7, 7), (0, None, 0), (0, 3, 3)],
)
def test_an_operators_limit_goes_before_the_settings_and_an_organisations_under_it(granted, chosen, in_force) -> None:
    usual = Limits(of_projects={Measure.TOKENS: 5})
    own = [{} if limit is None else {"tokens_per_minute": limit} for limit in (granted, chosen)]
    assert usual.of_project(Own(granted=own[0], chosen=own[1]), Measure.TOKENS) == in_force


def test_what_is_used_costs_what_the_prices_say() -> None:
    prices = Limits(price_per_million_tokens=2.5, price_per_gpu_hour=3.6)
    assert (prices.cost(tokens=4), prices.cost(gpu_seconds=2)) == (10, 2_000)


@pytest.fixture
def new_job(database, ids, asked):
    def create() -> str:
        with database.write() as session:
            return job_queries.create(session, ids, asked(), now=1).id

    return create


def admitted(database, at_once: int = 0, **others) -> list[str]:
    usual = Limits(of_projects={Measure.JOBS_AT_ONCE: at_once, **others})
    with database.read() as session:
        return list(admission.admissible(session, usual, now=at(2026, 1, 5)))


def test_a_projects_jobs_wait_for_each_other_and_a_job_that_asks_a_person_takes_no_place(database, new_job) -> None:
    first, second, third = (new_job() for _ in range(3))
    assert admitted(database) == [first, second, third]
    assert admitted(database, 2) == [first, second]
    with database.write() as session:
        jobs.mark_dispatched(session, first, now=1)
        jobs.mark_dispatched(session, second, now=1)
    assert admitted(database, 2) == []
    with database.write() as session:
        session.get_one(Job, first).state = JobState.RELEASE_REVIEW
    assert admitted(database, 2) == [third]


def test_beyond_the_month_jobs_wait_but_a_cancelled_one_ends(database, principal, new_job) -> None:
    first, second = new_job(), new_job()
    prices = Limits(price_per_gpu_hour=36.0)
    with database.write() as session:
        admission.charge(session, principal.project_id, 60, prices, now=at(2026, 1, 2))
    assert admitted(database, 0, gpu_seconds_per_month=61, budget_per_month=61) == [first, second]
    assert admitted(database, 0, gpu_seconds_per_month=60) == []
    assert admitted(database, 0, budget_per_month=60) == []
    with database.write() as session:
        job_queries.request_cancel(session, principal.project_id, second, now=1)
    assert admitted(database, 0, budget_per_month=60) == [second]
    with database.read() as session, pytest.raises(LimitReached):
        usage.check(session, principal.project_id, Measure.GPU_SECONDS, limit=60, now=at(2026, 1, 31))
    with database.read() as session:
        usage.check(session, principal.project_id, Measure.GPU_SECONDS, limit=60, now=at(2026, 2, 1))


def erased(database, project_id: str) -> None:
    with database.write() as session:
        erasing.close(session, tenants.project(session, project_id), actor="operator", now=5)
    with database.write() as session:
        erasing.erase_rows(session, tenants.project(session, project_id), now=6)


def test_a_project_is_not_erased_under_its_running_jobs(database, principal, new_job) -> None:
    id = new_job()
    with pytest.raises(NotErasable, match="1 of its jobs are being cancelled"):
        erased(database, principal.project_id)
    with database.write() as session:
        jobs.cancel(session, id, now=2)
    erased(database, principal.project_id)


def test_of_an_erased_project_no_table_has_a_row_but_the_logs_and_its_own(database, ids, principal, new_job) -> None:
    id = new_job()
    with database.write() as session:
        job = session.get_one(Job, id)
        job.state = JobState.RELEASED
        session.add(Model(name="ft:x", project_id=job.project_id, job_id=id, artefact_key="k", digest="sha256:d",
                          base_name="m", base_digest="b", tuning="lora", attestation={}, created_at=1))  # fmt: skip
        keys.create(session, ids, lambda n: b"x" * n, session.get_one(Principal, principal.id), now=1)
        usage.add(session, principal.project_id, Measure.TOKENS, 1, now=1)
        tenants.project(session, principal.project_id).granted = {Measure.TOKENS: 1}
    erased(database, principal.project_id)
    erased(database, principal.project_id)
    with database.read() as session:
        left = {table.name for table in Base.metadata.sorted_tables if session.execute(select(table).limit(1)).first()}
        project = session.get_one(Project, principal.project_id)
        (revoked,) = decisions.entries(session, id)
    assert left == {"organizations", "projects", "policies", "decisions", "validity"}
    assert (project.name, project.erased_at, project.granted) == (project.id, 6, {})
    assert (revoked.kind, revoked.details["model_digest"]) == ("revoke", "sha256:d")


def test_every_table_is_known_to_the_erasure(database) -> None:
    erases = {inspect(table).local_table.name for table, _ in erasing._rows("p")}
    assert erases | NOT_OF_A_PROJECT == set(Base.metadata.tables)


OLD_KEY = ("k", "u", "p", "sk-", keys.digest("sk-old"), 1)
OLD_ROWS = (
    "INSERT INTO organizations VALUES ('o', 'o', 1)",
    "INSERT INTO projects VALUES ('p', 'o', 'p', 'default', 1)",
    "INSERT INTO principals VALUES ('u', 'p', 'u', 'reviewer', 1)",
    f"INSERT INTO api_keys (id, principal_id, project_id, prefix, sha256, created_at) VALUES {OLD_KEY}",
)


def test_keys_of_before_there_were_permissions_may_what_their_roles_may(tmp_path) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{tmp_path}/old.db")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0004_second_looks")
        for row in OLD_ROWS:
            connection.execute(text(row))
    engine.dispose()
    database = Database.open(f"sqlite:///{tmp_path}/old.db")
    database.migrate()
    with database.read() as session:
        caller = keys.verify(session, "sk-old", now=2)
    database.close()
    assert (caller.permissions, caller.user_id) == (REVIEWER, None)
    assert (caller.key_limits, caller.project_limits) == (Own(), Own())


def test_the_operators_acts_are_lines_without_a_key(database, ids, principal) -> None:
    with database.write() as session:
        trail.add(session, ids, trail.operator(project_id=principal.project_id), "project.archived", "p", now=7)
    with database.read() as session:
        (line,) = trail.newest_first(session, trail.Query(since=7, until=8), after=None, limit=9).rows
    assert (line.actor_kind, line.key_id, line.status) == ("operator", None, 0)
