"""A database of an earlier version is brought up with its rows."""

from collections.abc import Callable, Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from gateway.store import decisions
from gateway.store.database import MIGRATIONS, Database, newest_version
from gateway.store.models import ApiKey, Base, File, Model, Review, Screening
from gateway.store.records import Withheld
from gateway.store.wire_models import Upload

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


SINCE = {
    "0001": ROWS,
    "0002_hold": """
INSERT INTO review_answers VALUES ('ra', 'r', 'u', 'release', 'fine', 3);
INSERT INTO serving_prompts VALUES ('ft:x', 'sha256:p', 2, true, 1, 2);
INSERT INTO decisions (sequence, key, kind, at, actor, project_id, job_id, details, previous, hash)
 VALUES (1, 'release/j', 'release', 3, 'policy', 'p', 'j', '{"a": 1}', 'sha256:0', 'sha256:1')
""",
    "0003_wire": """
INSERT INTO uploads (id, project_id, filename, purpose, mime_type, bytes, state, created_at, expires_at)
 VALUES ('up', 'p', 'f', 'fine-tune', 'text/plain', 3000000000, 'pending', 1, 2);
INSERT INTO usage VALUES ('p', 'upload_bytes', 0, 3000000000);
INSERT INTO webhooks (id, project_id, url, secret, created_at) VALUES ('w', 'p', 'https://x', 's', 1)
""",
    "0004_second_looks": """
INSERT INTO withheld_models VALUES ('j', 'd', 'k', 9);
INSERT INTO head_places VALUES ('https://h', 1, 1, 0, 0, NULL);
INSERT INTO screenings (id, project_id, file_id, blob_key, policy_digest, status, created_at)
 VALUES ('s', 'p', 'f', 'k', 'sha256:0', 'running', 1)
""",
    "0005_tenants": """
INSERT INTO users (id, organization_id, name, email, created_at) VALUES ('user', 'o', 'n', 'n@example.org', 1);
INSERT INTO admin_keys (id, organization_id, name, prefix, sha256, created_at)
 VALUES ('ak', 'o', 'n', 'sk-admin-', 'h2', 1);
INSERT INTO exports (id, project_id, model_name, actor, reason, status, created_at)
 VALUES ('x', 'p', 'ft:x', 'u', 'r', 'queued', 1);
INSERT INTO trail (sequence, id, at, act, actor_kind, actor_id, resource_id, status)
 VALUES (1, 't', 1, 'file.created', 'user', 'user', 'f', 200)
""",
    "0006_replicas": """
INSERT INTO screenings (id, project_id, file_id, blob_key, policy_digest, status, created_at, worker_id)
 VALUES ('s2', 'p', 'f', 'k', 'sha256:0', 'running', 1, 'w')
""",
    "0007_validity": """
INSERT INTO files (id, project_id, sequence, filename, purpose, bytes, sha256, blob_key, created_at)
 VALUES ('file', 'p', 1, 'n', 'fine-tune', 3000000000, 'd', 'k', 1)
""",
    "0008_checked": """
INSERT INTO api_keys (id, principal_id, project_id, prefix, sha256, limits, created_at)
 VALUES ('key', 'u', 'p', 'sk-', 'h3', '{"requests_per_minute": 0}', 1)
""",
}
"""Rows that were written under a version, in its own schema."""


@pytest.fixture
def aged(new_url: Callable[[bool], str]) -> Iterator[Database]:
    """A database that was brought up version by version, and written to under each."""
    database = Database.open(new_url(False))
    for version, rows in SINCE.items():
        database.migrate(to=version)
        with database.write() as session:
            for row in rows.split(";"):
                session.execute(text(row.replace(":", "\\:")))
    yield database
    database.close()


def test_a_database_of_any_version_keeps_its_rows(aged: Database) -> None:
    aged.migrate()
    with aged.read() as session:
        assert session.get_one(Model, "ft:x").held_at is None
        review = session.get_one(Review, "r")
        assert (review.n_needed, review.against_rule) == (1, False)
        (decision,) = decisions.entries(session)
        assert (decision.details, decision.actor) == ({"a": 1}, "policy")
        assert session.get_one(Upload, "up").bytes == 3_000_000_000
        assert session.get_one(Withheld, "j").kept_until == 9
        assert session.get_one(Screening, "s").worker_id is None
        file = session.get_one(File, "file")
        assert (file.bytes, file.checked, file.request_digest) == (3_000_000_000, None, None)
        key = session.get_one(ApiKey, "key")
        assert (key.limits, key.granted) == ({"requests_per_minute": 0}, {})


def test_a_database_that_was_brought_up_is_as_a_new_one(aged: Database) -> None:
    aged.migrate()
    with aged.read() as session:
        assert compare_metadata(MigrationContext.configure(session.connection()), Base.metadata) == []


def test_every_version_is_tried() -> None:
    versions = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    assert versions - {newest_version()} == set(SINCE)


def test_the_hold_can_be_migrated_down_again(new_url: Callable[[bool], str]) -> None:
    database = Database.open(new_url(True))
    with database.write() as session:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "0001")
    with database.read() as session:
        tables = set(inspect(session.connection()).get_table_names())
    assert not {"decisions", "review_answers", "serving_prompts"} & tables
    database.close()


def test_the_newest_migrations_file_bears_its_revisions_name() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == newest_version()
