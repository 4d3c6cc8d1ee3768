"""The head of the decision log at an address: put there, tried again, compared."""

import asyncio
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from gateway.cli.app import build
from gateway.cli.log import lagging
from gateway.compose.store import Store
from gateway.errors import PolicyError
from gateway.policy import parse
from gateway.publishing import Publisher, addresses, publish
from gateway.settings import Settings
from gateway.store import decisions, head_places, tenants
from gateway.store.database import Database
from gateway.store.decisions import DecisionKind
from gateway.store.heads import HeadsUnusable
from gateway.store.models import Model
from gateway.store.records import HeadPlace

SOON = Publisher(allow_private=True, wait_s=0.0, token="t")
NO_PLACES = ("nonsense", "file:heads", "file://host/heads", "file:///heads?x")
SCREENING = {"classifiers": {"linear": {"action": "block"}}}


class Place:
    """A store of objects: PUT keeps the bytes, GET gives them back; down for the first `n_down` requests."""

    def __init__(self) -> None:
        self.body, self.n_down, self.seen = b"", 0, []
        place = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                place.seen.append((self.headers["authorization"], body))
                place.n_down -= 1
                if place.n_down < 0:
                    place.body = body
                self.send_response(204 if place.n_down < 0 else 503)
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(place.body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the test's output clean."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/head"


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    thread = Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path))
    opened = Store.open(Settings.read({"TUNEGATE_HOME": str(tmp_path)}))
    yield opened
    opened.database.close()


@pytest.fixture
def decide(store: Store) -> Callable[[], None]:
    """Add a decision to the log."""
    with store.database.write() as session:
        owner = tenants.ensure_organization(session, store.ids, "o", now=1)
        project = tenants.create_project(session, store.ids, organization_id=owner.id, name="p", policy_name="d", now=1)
    model = Model(name="ft:x", project_id=project.id, job_id="j", digest="d")

    def add() -> None:
        with store.database.write() as session:
            decisions.of_model(session, model, DecisionKind.HOLD, {"n": store.ids.letters(8)}, now=1, actor="operator")

    return add


def send(database: Database, place: Place, now: int = 0) -> int:
    return asyncio.run(publish(database, [place.url], SOON, lambda: now))


def row(database: Database) -> HeadPlace:
    with database.read() as session:
        (found,) = head_places.every(session)
    return found


def test_the_newest_head_is_put_once_with_the_token(store, place, decide) -> None:
    assert send(store.database, place) == 0
    decide()
    assert (send(store.database, place), send(store.database, place)) == (1, 0)
    ((token, body),) = place.seen
    assert (token, json.loads(body)["sequence"]) == ("Bearer t", 1)


def test_a_place_that_is_down_for_a_moment_is_asked_again_at_once(store, place, decide) -> None:
    decide()
    place.n_down = 2
    assert (send(store.database, place), len(place.seen)) == (1, 3)


def test_a_place_that_stays_down_blocks_nothing_and_is_seen_and_tried_later(store, place, decide) -> None:
    decide()
    place.n_down = 3
    assert send(store.database, place, now=100) == 0
    assert (row(store.database).failures, send(store.database, place, now=101)) == (1, 0)
    with store.database.read() as session:
        assert "1 behind; 1 failures in a row" in lagging(session)[0]
    assert send(store.database, place, now=102) == 1
    assert row(store.database).failures == 0
    with store.database.read() as session:
        assert lagging(session) == []


def test_a_place_that_no_policy_names_any_more_is_forgotten(store, place, decide) -> None:
    decide()
    send(store.database, place)
    with store.database.write() as session:
        head_places.keep(session, ["https://elsewhere.example/head"])
    with store.database.read() as session:
        assert head_places.every(session) == []


def test_the_log_is_compared_with_a_head_at_an_address_or_in_a_file(store, place, decide, tmp_path) -> None:
    decide()
    send(store.database, place)
    (tmp_path / "mine").write_bytes(place.body)
    for where in (place.url, str(tmp_path / "mine")):
        assert CliRunner().invoke(build("log"), ["log", "verify", "--head", where]).exit_code == 0
    place.body = place.body.replace(b"sha256:", b"sha256:f")
    told = CliRunner().invoke(build("log"), ["log", "verify", "--head", place.url, "--json"])
    assert (told.exit_code, json.loads(told.stdout)["ok"]) == (4, False)


def test_a_policy_may_name_a_file_which_gets_a_line_for_each_head(store, decide, tmp_path) -> None:
    where = (tmp_path / "a mount" / "heads.jsonl").as_uri()
    (url,) = addresses({"mine": where}, allow_private=False)
    for _ in range(2):
        decide()
        assert asyncio.run(publish(store.database, [url], SOON, lambda: 0)) == 1
    assert asyncio.run(publish(store.database, [url], SOON, lambda: 0)) == 0
    lines = (tmp_path / "a mount" / "heads.jsonl").read_text().splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [1, 2]
    assert CliRunner().invoke(build("log"), ["log", "verify", "--head", where]).exit_code == 0


def test_a_file_that_cannot_be_written_is_seen_and_tried_later(store, decide, tmp_path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    decide()
    asyncio.run(publish(store.database, [(tmp_path / "taken" / "heads").as_uri()], SOON, lambda: 0))
    assert (row(store.database).failures, row(store.database).sequence) == (1, 0)


def test_an_address_without_a_head_proves_nothing(store, place) -> None:
    for where in (place.url, "/nowhere"):
        told = CliRunner().invoke(build("log"), ["log", "verify", "--head", where])
        assert isinstance(told.exception, HeadsUnusable)


@pytest.mark.parametrize("url", ["http://example.org/h", "https://10.0.0.1/h", "https://u:p@example.org/h", *NO_PLACES])
def test_a_policy_cannot_send_the_head_into_private_networks_or_in_clear(url) -> None:
    policy = parse("mine", {"screening": SCREENING, "injection": {"ratio": 0.0}, "log": {"publish": url}})
    with pytest.raises(PolicyError, match=r"mine\.log\.publish"):
        addresses({policy.name: policy.log.publish}, allow_private=False)
