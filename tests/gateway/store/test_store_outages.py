"""The database or the blob store is away, full, or somebody else's: said in so many words, and over when it is over."""

import errno
from pathlib import Path

import pytest
from servers import S3, Postgres, environment
from sqlalchemy import text

from gateway.pipeline.durability import attempt
from gateway.pipeline.outcomes import Kind
from gateway.store import tenants
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.errors import BlobsUnavailable, DatabaseUnavailable


def write(database: Database, first: str) -> None:
    with database.write() as session:
        session.execute(text(first))
        session.execute(text("INSERT INTO organizations VALUES ('o', :name, 1)"), {"name": "x" * 100_000})


def test_a_standby_that_takes_no_writes_is_unavailable(postgres: Postgres) -> None:
    database = Database.open(postgres.create(migrated=True))
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        write(database, "SET TRANSACTION READ ONLY")
    database.close()


def test_a_full_disk_under_sqlite_is_unavailable(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/full.db")
    database.migrate()
    with pytest.raises(DatabaseUnavailable, match="full"):
        write(database, "PRAGMA max_page_count = 1")
    with database.read() as session:
        assert tenants.projects(session) == []
    database.close()


def test_no_statement_and_no_value_of_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.db").mkdir()
    database = Database.open(f"sqlite:///{tmp_path}/a.db")
    with pytest.raises(DatabaseUnavailable) as caught, database.read() as session:
        session.execute(text("SELECT 'secret'"))
    assert "secret" not in str(caught.value)
    assert "SELECT" not in str(caught.value)


def test_an_s3_that_is_gone_is_unavailable(tmp_path: Path) -> None:
    s3 = S3()
    with environment(s3.environment):
        blobs = Blobs.open_store(s3.create(), tmp_path / "cache")
        blobs.put("a/b", [b"x"])
        s3.stop()
        with pytest.raises(BlobsUnavailable):
            blobs.put("a/c", [b"x"])
        blobs.discard("a/b")


def test_a_full_disk_under_the_blobs_is_unavailable_and_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    blobs = Blobs.open_store((tmp_path / "blobs").as_uri(), tmp_path / "cache")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BlobsUnavailable, match="No space left"):
        blobs.put("a/b", [b"x"])
    assert list(blobs.contents()) == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DatabaseUnavailable("x"), Kind.UNAVAILABLE),
        (BlobsUnavailable("x"), Kind.UNAVAILABLE),
        (OSError(errno.ENOSPC, "full"), Kind.UNAVAILABLE),
        (OSError(errno.ENOENT, "none"), Kind.BROKEN),
        (KeyError("x"), Kind.BROKEN),
    ],
)
def test_a_job_waits_for_what_is_away_and_not_for_our_mistakes(error: Exception, kind: Kind) -> None:
    def stage(*_: str) -> None:
        raise error

    assert attempt(stage, "train", "ftjob-1").kind == kind
