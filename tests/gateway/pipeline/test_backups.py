"""A backup holds everything, and comes back on any kind of database and blob store."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from servers import S3, Postgres
from sqlalchemy import select
from toy_shop import make_toy
from typer.testing import CliRunner

from gateway.backup.archive import verify
from gateway.backup.restoring import restore
from gateway.backup.saving import save
from gateway.cli.app import build
from gateway.compose.store import Store
from gateway.errors import BackupUnusable
from gateway.settings import Settings
from gateway.store import decisions, engines, files
from gateway.store.engine_models import Worker
from gateway.store.models import Base, Model
from gateway.verifying import Verifier


def connect(home: Path, database_url: str, blob_url: str) -> Store:
    named = {"HOME": str(home), "DATABASE_URL": database_url, "BLOB_URL": blob_url}
    return Store.connect(Settings.read({f"TUNEGATE_{name}": value for name, value in named.items()}))


@pytest.fixture
def living(tmp_path: Path) -> Store:
    """An installation with a released model, a worker and an admin's files."""
    (tmp_path / "toy").mkdir()
    toy = make_toy(tmp_path / "toy", injection={"ratio": 2.0})
    job = toy.tell(toy.submit())
    assert job.fine_tuned_model is not None
    store = connect(tmp_path / "home", f"sqlite:///{tmp_path}/toy/a.db", (tmp_path / "toy" / "blobs").as_uri())
    for name in ("attestation.key", "policy.toml", "cache/x", "serve.lock"):
        (store.settings.home / name).parent.mkdir(exist_ok=True)
        (store.settings.home / name).write_bytes(b"k" * 32)
    with store.database.write() as session:
        engines.sign_on(session, "w", address="a", secret="s", now=1)
    return store


def rows(store: Store) -> dict[str, list[dict[str, Any]]]:
    tables = [table for table in Base.metadata.sorted_tables if table.name not in ("workers", "engines")]
    with store.database.read() as session:
        found = {table.name: session.execute(select(table)).mappings().all() for table in tables}
    return {name: sorted(map(dict, these), key=json.dumps) for name, these in found.items()}


def blobs(store: Store) -> dict[str, bytes]:
    return {key: store.blobs.local_file(key).read_bytes() for key, _ in store.blobs.contents()}


def test_a_backup_comes_back_on_postgres_and_s3_and_from_there_on_sqlite_and_a_disk(
    living: Store, tmp_path: Path, postgres: Postgres, s3: S3
) -> None:
    told = save(living, tmp_path / "first")
    assert (told.home_files, told.missing) == (2, ())
    remote = connect(tmp_path / "home2", postgres.create(), s3.create())
    again = connect(tmp_path / "home3", f"sqlite:///{tmp_path}/b.db", (tmp_path / "blobs3").as_uri())
    restore(remote, tmp_path / "first")
    save(remote, tmp_path / "second")
    restore(again, tmp_path / "second")
    for store in (remote, again):
        assert rows(store) == rows(living)
        assert blobs(store) == blobs(living)
        assert (store.settings.home / "attestation.key").stat().st_mode & 0o777 == 0o600
        with store.database.read() as session:
            assert decisions.flaws(decisions.entries(session)) == []
            assert session.query(Worker).all() == []
            (model,) = session.scalars(select(Model))
        assert Verifier(database=store.database, blobs=store.blobs, key=b"k" * 32).verify(model).problems == ()
        store.database.close()


def test_a_backup_that_was_changed_or_cut_is_refused_before_anything_is_written(living: Store, tmp_path: Path) -> None:
    save(living, tmp_path / "whole")
    raw = (tmp_path / "whole").read_bytes()
    (tmp_path / "cut").write_bytes(raw[: len(raw) // 2])
    (tmp_path / "changed").write_bytes(raw.replace(b"Hello.", b"Jello.", 1))
    new = connect(tmp_path / "new", f"sqlite:///{tmp_path}/new.db", (tmp_path / "new-blobs").as_uri())
    for name, words in (("cut", "whole backup"), ("changed", "is damaged")):
        with pytest.raises(BackupUnusable, match=words):
            restore(new, tmp_path / name)
    assert not new.database.has_tables()
    assert list(new.blobs.contents()) == []


def test_nothing_is_restored_over_anything(living: Store, tmp_path: Path) -> None:
    save(living, tmp_path / "b")
    with pytest.raises(BackupUnusable, match="home is not empty"):
        restore(living, tmp_path / "b")
    other = connect(tmp_path / "new", living.settings.database_url, living.settings.blob_url)
    with pytest.raises(BackupUnusable, match="database is not empty"):
        restore(other, tmp_path / "b")
    other = connect(tmp_path / "new", f"sqlite:///{tmp_path}/new.db", living.settings.blob_url)
    with pytest.raises(BackupUnusable, match="blob store is not empty"):
        restore(other, tmp_path / "b")
    with pytest.raises(BackupUnusable, match="exists"):
        save(living, tmp_path / "b")


def test_bytes_that_were_lost_before_are_named(living: Store, tmp_path: Path) -> None:
    with living.database.write() as session:
        file = session.query(files.File).filter_by(purpose="fine-tune").one()
    living.blobs.delete(file.blob_key)
    assert save(living, tmp_path / "b").missing == (file.id,)


def test_a_member_that_leads_out_of_the_home_is_refused(living: Store, tmp_path: Path) -> None:
    save(living, tmp_path / "b")
    with tarfile.open(tmp_path / "b") as tar:
        assert "home/attestation.key" in tar.getnames()
        assert "home/cache/x" not in tar.getnames()
    assert verify(tmp_path / "b").about["tables"]["models"] == 1


def test_the_commands_save_and_restore(living: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: str, home: Path, database_url: str, blob_url: str) -> Any:
        for name, value in (("HOME", str(home)), ("DATABASE_URL", database_url), ("BLOB_URL", blob_url)):
            monkeypatch.setenv(f"TUNEGATE_{name}", value)
        return CliRunner().invoke(build(command), [command, str(tmp_path / "b.tar"), "--json"])

    saved = run("backup", living.settings.home, living.settings.database_url, living.settings.blob_url)
    assert (saved.exit_code, json.loads(saved.stdout)["missing"]) == (0, [])
    restored = run("restore", tmp_path / "h", f"sqlite:///{tmp_path}/n.db", (tmp_path / "n").as_uri())
    told = json.loads(saved.stdout)
    assert (restored.exit_code, json.loads(restored.stdout)) == (
        0,
        {k: told[k] for k in ("rows", "blobs", "home_files")},
    )
