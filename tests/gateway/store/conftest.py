"""A migrated database, of each kind, with one project in it."""

import functools
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.store import files, policies, tenants
from gateway.store.blobs import BlobInfo
from gateway.store.database import Database
from gateway.store.ids import IdKind, Ids
from gateway.store.job_queries import NewJob
from gateway.store.models import File, Principal


@pytest.fixture
def ids() -> Ids:
    return Ids(random.Random(0).randbytes)


@pytest.fixture(params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[bool], str]]:
    """Makes the URL of a database of one kind or the other, empty or with all tables."""
    made = []

    def create(migrated: bool) -> str:
        if request.param == "postgres":
            url: str = request.getfixturevalue("postgres").create(migrated=migrated)
        else:
            url = f"sqlite:///{tmp_path}/{len(made)}.db"
            if migrated:
                (tmp_path / f"{len(made)}.db").write_bytes(migrated_sqlite())
        made.append(url)
        return url

    yield create
    for url in made if request.param == "postgres" else ():
        request.getfixturevalue("postgres").drop(url)


@pytest.fixture
def database(new_url: Callable[[bool], str]) -> Iterator[Database]:
    database = Database.open(new_url(True))
    yield database
    database.close()


@functools.cache
def migrated_sqlite() -> bytes:
    """A file with all tables; migrating costs more than a test."""
    with tempfile.TemporaryDirectory() as directory:
        database = Database.open(f"sqlite:///{directory}/a.db")
        database.migrate()
        database.close()
        return (Path(directory) / "a.db").read_bytes()


@pytest.fixture
def principal(database: Database, ids: Ids) -> Principal:
    with database.write() as session:
        organization = tenants.ensure_organization(session, ids, "o", now=1)
        project = tenants.create_project(
            session, ids, organization_id=organization.id, name="p", policy_name="default", now=1
        )
        policies.pin(session, digest="sha256:0", name="default", document={"a": 1}, now=1)
        return tenants.create_principal(session, ids, project_id=project.id, name="x", role="member", now=1)


@pytest.fixture
def new_file(database: Database, ids: Ids, principal: Principal) -> Callable[..., File]:
    def create(sha256: str = "a", **columns: int) -> File:
        with database.write() as session:
            return files.insert(
                session,
                id=ids.new(IdKind.FILE),
                project_id=principal.project_id,
                filename="f",
                purpose="fine-tune",
                blob=BlobInfo(bytes=1, sha256=sha256),
                now=1,
                **columns,
            )

    return create


@pytest.fixture
def asked(new_file: Callable[..., File], principal: Principal) -> Callable[..., NewJob]:
    def ask(sha256: str = "a") -> NewJob:
        return NewJob(
            project_id=principal.project_id,
            principal_id=principal.id,
            model="miniature",
            training_file=new_file(sha256),
            validation_file=None,
            suffix=None,
            seed=1,
            method="supervised",
            hyperparameters={},
            metadata=None,
            integrations=None,
            policy_digest="sha256:0",
        )

    return ask
