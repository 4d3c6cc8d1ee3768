import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from one_job import NOW, one_job

from deploy.errors import EngineUnavailable, NotReleased
from gateway.api.services import Route
from gateway.machines import machine
from gateway.routing import EngineRouter
from gateway.store import decisions, engines, released
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.memory import TRUSTED_S, Memory
from gateway.store.models import JobState, Model

NAME = "ft:miniature:acme::abcd1234"
HERE = engines.at("here", "miniature")
ROUTE = Route(engine_id="miniature", model=NAME)


@dataclass
class Engine:
    """A small engine over a Unix socket: it knows the models that were loaded, and can lose them."""

    loads: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=lambda: {"miniature"})
    load_status: int = 200

    async def load(self, request: web.Request) -> web.Response:
        name = (await request.json())["lora_name"]
        self.loads.append(name)
        if self.load_status != 200:
            return web.json_response({"error": {"message": "carries no attestation"}}, status=self.load_status)
        self.known.add(name)
        return web.json_response({"id": name})

    async def chat(self, request: web.Request) -> web.Response:
        name = (await request.json())["model"]
        if name not in self.known:
            return web.json_response({"error": {"message": "no such model"}}, status=404)
        return web.json_response({"model": name, "choices": []})


@pytest.fixture
def database(tmp_path: Path) -> Database:
    database = one_job(tmp_path / "test.db", JobState.RELEASED, projects=("proj_1", "proj_2"))
    with database.write() as session:
        session.add(
            Model(
                name=NAME,
                project_id="proj_1",
                job_id="ftjob-1",
                artefact_key="projects/proj_1/models/ftjob-1",
                digest="sha256:1",
                base_name="miniature",
                base_digest="sha256:2",
                tuning="lora",
                attestation={},
                created_at=NOW,
            )
        )
    return database


def routed(
    tmp_path: Path, database: Database, engine: Engine | None, use: Callable[[EngineRouter], Awaitable[Any]]
) -> Any:
    """Use a router while `engine` is leased out; None leases nothing."""
    blobs = Blobs.open_store((tmp_path / "blobs").as_uri(), tmp_path / "cache")
    blobs.put("projects/proj_1/models/ftjob-1/manifest.json", [b"{}"])

    async def run() -> Any:
        runner = None
        if engine is not None:
            app = web.Application()
            app.router.add_post("/v1/load_lora_adapter", engine.load)
            app.router.add_post("/v1/chat/completions", engine.chat)
            runner = web.AppRunner(app)
            await runner.setup()
            uds = str(tmp_path / "e.sock")
            await web.UnixSite(runner, uds).start()
            lease(database, uds)
        router = EngineRouter(database, blobs, bases={"miniature"}, machine="here", clock=lambda: NOW)
        try:
            return await use(router)
        finally:
            await router.close()
            if runner is not None:
                await runner.cleanup()

    return asyncio.run(run())


def lease(database: Database, uds: str) -> None:
    with database.write() as session:
        engines.want(session, HERE, now=NOW)
        session.flush()
        engines.claim(session, HERE, "w1", now=NOW, lease_s=60)
        engines.publish(session, HERE, "w1", uds=uds, secret="s", now=NOW, lease_s=60)


@pytest.mark.parametrize(
    ("project", "model", "found"),
    [
        ("proj_1", NAME, True),
        ("proj_2", NAME, False),
        ("proj_2", "miniature", True),
        ("proj_1", "ft:miniature:acme::zzzz9999", False),
    ],
)
def test_names_resolve_in_their_own_project_only(
    tmp_path: Path, database: Database, project: str, model: str, found: bool
) -> None:
    route = routed(tmp_path, database, None, lambda router: router.resolve(project, model))
    assert (route is not None) is found


def test_revoked_model_is_gone_at_once(tmp_path: Path, database: Database) -> None:
    with database.write() as session:
        session.get_one(Model, NAME).revoked_at = NOW
    assert routed(tmp_path, database, None, lambda router: router.resolve("proj_1", NAME)) is None


def test_model_is_loaded_once_for_many_requests(tmp_path: Path, database: Database) -> None:
    engine = Engine()

    async def use(router: EngineRouter) -> list[int]:
        answers = await asyncio.gather(*(router.post(ROUTE, {"messages": []}) for _ in range(5)))
        return [status for status, _ in answers]

    assert routed(tmp_path, database, engine, use) == [200] * 5
    assert engine.loads == [NAME]


def test_model_that_made_room_is_loaded_again(tmp_path: Path, database: Database) -> None:
    engine = Engine()

    async def use(router: EngineRouter) -> int:
        await router.post(ROUTE, {"messages": []})
        engine.known.discard(NAME)
        return (await router.post(ROUTE, {"messages": []}))[0]

    assert routed(tmp_path, database, engine, use) == 200
    assert engine.loads == [NAME, NAME]


def test_artefact_that_does_not_verify_goes_back_into_the_hold(tmp_path: Path, database: Database) -> None:
    with pytest.raises(NotReleased, match="attestation"):
        routed(tmp_path, database, Engine(load_status=403), lambda router: router.post(ROUTE, {"messages": []}))
    assert routed(tmp_path, database, None, lambda router: router.resolve("proj_1", NAME)) is None
    with database.read() as session:
        (entry,) = decisions.entries(session)
    assert (entry.kind, entry.details["why"], entry.details["model"]) == ("hold", "carries no attestation", NAME)


def test_revoked_model_is_gone_here_at_once_and_from_other_replicas_within_half_a_second(
    tmp_path: Path, database: Database
) -> None:
    replica, at = Database.open(f"sqlite:///{tmp_path}/test.db"), [100.0]
    replica.memory = Memory(replica.read, monotonic=lambda: at[0])

    async def use(router: EngineRouter) -> list[bool]:
        blobs = Blobs.open_store((tmp_path / "blobs").as_uri(), tmp_path / "cache")
        other = EngineRouter(replica, blobs, bases=frozenset(), machine="there")
        found = [await each.resolve("proj_1", NAME) == ROUTE for each in (router, other)]
        with database.write() as session:
            released.revoke(session, NAME, why="a drill", actor="operator", now=NOW)
        found.append(await router.resolve("proj_1", NAME) is None)
        at[0] += TRUSTED_S + 0.001
        return [*found, await other.resolve("proj_1", NAME) is None]

    assert routed(tmp_path, database, None, use) == [True] * 4
    replica.close()


def test_model_that_was_revoked_elsewhere_and_unloaded_is_not_released(tmp_path: Path, database: Database) -> None:
    engine, elsewhere = Engine(), Database.open(f"sqlite:///{tmp_path}/test.db")

    async def use(router: EngineRouter) -> None:
        route = await router.resolve("proj_1", NAME)
        await router.post(ROUTE, {"messages": []})
        with elsewhere.write() as session:
            released.revoke(session, NAME, why="a drill", actor="operator", now=NOW)
        engine.known.discard(NAME)
        assert await router.resolve("proj_1", NAME) == route == ROUTE, "it is remembered for a moment"
        await router.post(ROUTE, {"messages": []})

    with pytest.raises(NotReleased, match="out of service"):
        routed(tmp_path, database, engine, use)
    elsewhere.close()


def test_no_engine_in_time_is_unavailable(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.routing.START_TIMEOUT_S", 0.0)
    with pytest.raises(EngineUnavailable, match="no worker"):
        routed(tmp_path, database, None, lambda router: router.post(ROUTE, {"messages": []}))


def test_engine_of_another_machine_is_not_asked_and_one_here_is_asked_for(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.routing.START_TIMEOUT_S", 0.0)

    async def use(router: EngineRouter) -> int:
        blobs = Blobs.open_store((tmp_path / "blobs").as_uri(), tmp_path / "cache")
        there = EngineRouter(database, blobs, bases={"miniature"}, machine="there", clock=lambda: NOW)
        with pytest.raises(EngineUnavailable, match="no worker here"):
            await there.post(ROUTE, {"messages": []})
        return (await router.post(ROUTE, {"messages": []}))[0]

    assert routed(tmp_path, database, Engine(), use) == 200
    with database.read() as session:
        assert list(engines.unserved(session, now=NOW)) == [engines.at("there", "miniature")]


def test_processes_that_share_a_directory_are_on_one_machine(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "mounted").symlink_to(tmp_path / "volume")
    assert machine(tmp_path / "volume") == machine(tmp_path / "mounted") != machine(tmp_path)


def test_database_that_does_not_answer_serves_nothing(tmp_path: Path, database: Database) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE models RENAME TO elsewhere")
    with pytest.raises(EngineUnavailable, match="cannot be told"):
        routed(tmp_path, database, None, lambda router: router.resolve("proj_1", NAME))
