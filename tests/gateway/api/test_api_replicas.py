"""What another replica answers when a key ends, or its database goes away, while it remembers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy.orm import Session

from gateway.store import keys
from gateway.store.database import Database
from gateway.store.errors import DatabaseUnavailable
from gateway.store.memory import TRUSTED_S
from gateway.store.models import ApiKey

CHAT = {"model": "miniature", "messages": [{"role": "user", "content": "hi"}]}


class Leaving(Database):
    """A database that can go away."""

    away = False

    @contextmanager
    def read(self) -> Iterator[Session]:
        if self.away:
            raise DatabaseUnavailable("it is away")
        with super().read() as session:
            yield session


@pytest.fixture
def replica(gateway: Any, serve: Any) -> Iterator[tuple[httpx.Client, Leaving]]:
    """Another application on the same database, as a second process would be."""
    database = Leaving.open(gateway.services.settings.database_url)
    with serve(replace(gateway.services, database=database)) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client, database
    database.close()


def ask(client: httpx.Client, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return client.post("/v1/chat/completions", json=CHAT, headers=headers).status_code


def within_half_a_second(client: httpx.Client, key: str) -> int:
    """The first answer other than 200, all asked for meanwhile."""
    until = time.monotonic() + TRUSTED_S
    while (status := ask(client, key)) == 200 and time.monotonic() < until:
        pass
    return status if status != 200 else ask(client, key)


def test_a_key_that_was_revoked_elsewhere_opens_nothing_half_a_second_later(gateway, tenant, replica) -> None:
    client, _ = replica
    assert ask(client, tenant.key) == 200
    with gateway.services.database.write() as session:
        session.query(ApiKey).filter_by(sha256=keys.digest(tenant.key)).one().revoked_at = 5
    assert within_half_a_second(client, tenant.key) == 401


def test_a_key_that_was_made_elsewhere_opens_at_once(gateway, tenant, replica) -> None:
    client, _ = replica
    assert ask(client, tenant.key) == 200
    assert ask(client, gateway.tenant().key) == 200


def test_without_its_database_a_replica_that_remembers_is_a_503_half_a_second_later(tenant, replica) -> None:
    client, database = replica
    assert ask(client, tenant.key) == 200
    database.away = True
    assert within_half_a_second(client, tenant.key) == 503
    database.away = False
    assert ask(client, tenant.key) == 200


def test_a_key_that_is_remembered_expires_by_the_clock(gateway, serve, tenant) -> None:
    now = [100.0]
    with gateway.services.database.write() as session:
        session.query(ApiKey).filter_by(sha256=keys.digest(tenant.key)).one().expires_at = 200
    with (
        serve(replace(gateway.services, clock=lambda: now[0])) as url,
        httpx.Client(base_url=url, timeout=20) as client,
    ):
        before = ask(client, tenant.key)
        now[0] = 200.0
        assert (before, ask(client, tenant.key)) == (200, 401)
