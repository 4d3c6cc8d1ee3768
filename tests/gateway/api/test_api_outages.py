"""A running API and a worker beside it, while the database falls over: said, and over when it is over."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
from servers import Postgres

from gateway.store.database import Database
from gateway.worker.presence import Presence
from gateway.worker.process import _repeat


@contextmanager
def beating(database: Database, address: Path) -> Iterator[None]:
    """A worker's heart, which beats as the worker process makes it beat."""
    now: Callable[[], int] = lambda: int(time.time())  # noqa: E731
    presence = Presence(
        database=database, worker_id="w", address=str(address), secret="s", now=now, monotonic=time.monotonic,
        sleep=time.sleep,
    )  # fmt: skip
    over = threading.Event()

    async def beat() -> None:
        await asyncio.to_thread(presence.beat)

    async def live() -> None:
        await asyncio.to_thread(presence.sign_on)
        await asyncio.to_thread(presence.open_for_work)
        heart = asyncio.create_task(_repeat(0.05, beat))
        await asyncio.to_thread(over.wait)
        heart.cancel()

    worker = threading.Thread(target=asyncio.run, args=[live()])
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        worker.start()
        try:
            yield
        finally:
            over.set()
            worker.join()


def until(http: httpx.Client, status: int) -> httpx.Response:
    """The first `/readyz` with a status."""
    deadline = time.monotonic() + 30.0
    while (answer := http.get("/readyz")).status_code != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)
    return answer


def test_api_and_worker_outlive_a_database_that_falls_over(
    gateway, serve, postgres: Postgres, tmp_path: Path, rows: bytes, monkeypatch
) -> None:
    monkeypatch.setattr("gateway.api.readiness.EVERY_S", 0.0)
    database = Database.open(postgres.create(migrated=True))
    services = replace(gateway.services, database=database)
    with serve(services) as url, beating(database, tmp_path / "s"):
        there = replace(gateway, services=services, url=url)
        with there.http() as http:
            until(http, 200)
            file = http.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("r.jsonl", rows)}).json()
            postgres.crash()
            assert until(http, 503).json()["missing"] == ["database"]
            refused = http.get(f"/v1/files/{file['id']}")
            assert (refused.status_code, "retry-after" in refused.headers) == (503, True)
            postgres.start()
            assert until(http, 200).json()["missing"] == []
            assert http.get(f"/v1/files/{file['id']}").json() == file
            assert http.delete(f"/v1/files/{file['id']}").json()["deleted"] is True
    database.close()
