"""A database of an earlier version is brought up with its rows."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from gateway.store.database import MIGRATIONS, Database, newest_version
from gateway.store.models import Model, Review

ROWS = """
INSERT INTO organizations VALUES ('o', 'o', 1);
INSERT INTO projects VALUES ('p', 'o', 'p', 'default', 1);
INSERT INTO principals VALUES ('u', 'p', 'u', 'member', 1);
INSERT INTO policies VALUES ('sha256:0', 'default', '{}', 1);
INSERT INTO jobs (id, project_id, principal_id, sequence, state, model, training_file_id, training_blob_key, seed,
 method, requested_hyperparameters, policy_digest, attempt, created_at, result_files)
 VALUES ('j', 'p', 'u', 1, 'released', 'm', 'f', 'k', 1, 'supervised', '{}', 'sha256:0', 1, 1, '[]');
INSERT INTO models (name, project_id, job_id, artefact_key, digest, base_name, base_digest, tuning, attestation,
 created_at) VALUES ('ft:x', 'p', 'j', 'k', 'd', 'm', 'b', 'lora', '{}', 1);
INSERT INTO reviews (id, project_id, job_id, stage, reasons, opened_at, expires_at)
 VALUES ('r', 'p', 'j', 'release', '[]', 1, 2)
"""


@pytest.fixture
def first(tmp_path: Path) -> str:
    """A database of version 0.1.0 with a released model and a question."""
    url = f"sqlite:///{tmp_path}/old.db"
    with create_engine(url).begin() as connection:
        command.upgrade(_config(connection), "0001")
        for row in ROWS.split(";"):
            connection.execute(text(row))
    return url


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def test_a_database_of_the_first_version_keeps_its_rows(first: str) -> None:
    database = Database.open(first)
    database.migrate()
    with database.read() as session:
        assert session.get_one(Model, "ft:x").held_at is None
        review = session.get_one(Review, "r")
    assert (review.n_needed, review.against_rule) == (1, False)
    database.close()


def test_the_hold_can_be_migrated_down_again(first: str) -> None:
    database = Database.open(first)
    database.migrate()
    database.close()
    engine = create_engine(first)
    with engine.begin() as connection:
        command.downgrade(_config(connection), "0001")
        assert connection.execute(text("SELECT count(*) FROM models")).scalar() == 1
        tables = connection.execute(text("SELECT name FROM sqlite_master")).scalars().all()
    assert not {"decisions", "review_answers", "serving_prompts"} & set(tables)
    engine.dispose()


def test_the_newest_migrations_file_bears_its_revisions_name() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == newest_version()
