"""What clients do that mean harm, or vanish."""

import asyncio
import itertools
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from fastapi import Request

from gateway.api import bodies, server
from gateway.errors import ApiError
from gateway.store.models import File

SHORT_S = 0.2


@pytest.fixture
def strict(gateway, serve, monkeypatch) -> Iterator[tuple[str, int]]:
    """A server with little patience."""
    monkeypatch.setattr(server, "HEADER_PATIENCE_S", SHORT_S)
    monkeypatch.setattr(server, "KEEP_ALIVE_S", 1)
    monkeypatch.setattr(bodies, "SILENCE_S", SHORT_S)
    with serve(gateway.services) as url:
        yield "127.0.0.1", int(url.rpartition(":")[2])


def until_closed(address: tuple[str, int], said: bytes) -> bytes:
    """What the server answers to these bytes until it hangs up."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(said)
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
        return answer


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n", b"POST /v1/files HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_a_client_that_does_not_end_its_headers_is_hung_up_on(strict, said) -> None:
    assert until_closed(strict, said) == b""


def test_a_connection_that_is_kept_alive_may_not_dawdle_either(strict) -> None:
    said = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTT"
    assert until_closed(strict, said).count(b"200 OK") == 1


def test_a_body_that_stops_coming_is_a_408_and_leaves_nothing_behind(strict, gateway, tenant, stored) -> None:
    before = stored()
    head = (
        f"POST /v1/files HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.key}\r\nContent-Length: 9999\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="r.jsonl"\r\n\r\n{"messages"'
    )
    answer = until_closed(strict, head.encode())
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["message"].startswith("No byte of the request's body")
    assert stored() == before


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 4\r\nContent-Length: 5\r\n",
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Content-Length: +4\r\n",
        b"Content-Length : 4\r\n",
        b"X: " + b"a" * server.MAX_HEADER_BYTES + b"\r\n",
    ],
)
def test_requests_that_two_servers_would_read_differently_are_refused_or_read_once(strict, headers) -> None:
    said = (
        b"POST /v1/moderations HTTP/1.1\r\nHost: x\r\n"
        + headers
        + b"\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    assert b"200 OK" not in until_closed(strict, said)


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/nowhere"])
def test_answers_carry_headers_that_keep_browsers_from_harm(strict, path) -> None:
    said = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = until_closed(strict, said.encode()).decode()
    assert "\r\nx-content-type-options: nosniff\r\n" in answer
    assert "\r\ncontent-security-policy: default-src 'none'; frame-ancestors 'none'\r\n" in answer
    assert "\r\ncache-control: no-store\r\n" in answer
    assert "uvicorn" not in answer


def test_a_client_that_vanishes_in_mid_stream_ends_the_engines_work(gateway, serve, tenant) -> None:
    ended: list[float] = []

    class Endless:
        async def resolve(self, project_id, model):
            return await gateway.router.resolve(project_id, model)

        async def stream(self, route, body):
            try:
                while True:
                    await asyncio.sleep(0.001)
                    yield b'data: {"choices": [{"index": 0, "delta": {"content": "x"}}]}\n\n' * 100
            finally:
                ended.append(time.monotonic())

    asked = json.dumps({"model": "miniature", "stream": True, "messages": [{"role": "user", "content": "hi"}]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.key}\r\n"
    with serve(replace(gateway.services, router=Endless())) as url:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=30) as connection:
            connection.sendall(f"{head}Content-Length: {len(asked)}\r\n\r\n{asked}".encode())
            assert b"200 OK" in connection.recv(4096)
        deadline = time.monotonic() + 30
        while not ended and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(ended) == 1


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hi"}]}),
        ("/v1/completions", {"prompt": ["a", "b"]}),
    ],
)
def test_a_client_that_vanishes_before_its_answer_ends_the_engines_work(gateway, serve, tenant, path, asked) -> None:
    began, ended = threading.Semaphore(0), threading.Semaphore(0)

    class Endless:
        async def resolve(self, project_id, model):
            return await gateway.router.resolve(project_id, model)

        async def post(self, route, body):
            began.release()
            try:
                await asyncio.Event().wait()
            finally:
                ended.release()

    body = json.dumps({"model": "miniature", **asked})
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tenant.key}\r\n"
    with serve(replace(gateway.services, router=Endless())) as url:
        with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=30) as connection:
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            assert began.acquire(timeout=30)
        assert ended.acquire(timeout=30)


@pytest.mark.parametrize(("every_s", "n_bytes", "said"), [(20, 9_999, "less than 1024"), (20, 99_999, "within 300 s")])
def test_a_body_that_drips_is_a_408(gateway, monkeypatch, every_s: int, n_bytes: int, said: str) -> None:
    settings = replace(gateway.services.settings, upload_timeout_s=300)
    now = itertools.count(0, every_s)
    monkeypatch.setattr("gateway.api.bodies.time", SimpleNamespace(monotonic=lambda: next(now)))

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"x" * n_bytes, "more_body": True}

    app = SimpleNamespace(state=SimpleNamespace(services=SimpleNamespace(settings=settings)))
    request = Request({"type": "http", "app": app}, receive)
    with pytest.raises(ApiError, match=said) as caught:
        asyncio.run(bodies.read_whole(request, 1 << 40))
    assert caught.value.status == 408


@pytest.fixture
def many_files(gateway) -> Iterator[object]:
    """A project with 10,000 files."""
    tenant = gateway.tenant()
    with gateway.services.database.write() as session:
        first = 10_000_000
        session.add_all(
            File(
                id=f"file-{tenant.project_id}-{n}", project_id=tenant.project_id, sequence=first + n,
                filename="r.jsonl", purpose="fine-tune", bytes=1, sha256="0", blob_key="k", created_at=n,
                expires_at=None, deleted_at=None,
            )
            for n in range(10_000)
        )  # fmt: skip
    yield tenant
    with gateway.services.database.write() as session:
        session.query(File).filter(File.project_id == tenant.project_id).delete()


def test_ten_thousand_files_are_listed_and_a_lying_cursor_is_told(gateway, many_files, client, rows) -> None:
    foreign = client.files.create(file=("r.jsonl", rows), purpose="fine-tune").id
    with gateway.http(many_files) as http:
        page = http.get("/v1/files", params={"limit": 10_000}).json()
        assert (len(page["data"]), page["has_more"]) == (10_000, False)
        ids = [file["id"] for file in page["data"]]
        last = http.get("/v1/files", params={"after": ids[-3]}).json()
        assert [file["id"] for file in last["data"]] == ids[-2:]
        for lie in (foreign, "file-none", "' OR 1=1 --", "x" * 5_000, "\u202e", ids[0] + "\n"):
            answer = http.get("/v1/files", params={"after": lie})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "after")
        assert http.get("/v1/files", params={"limit": 10_001}).status_code == 400


@pytest.mark.parametrize("leap_s", [-86_400, 86_400 * 400, -(2**31)])
def test_a_clock_that_jumps_breaks_no_request(gateway_at, rows: bytes, leap_s: int) -> None:
    now = [time.time()]
    with gateway_at(lambda: now[0]) as gateway:
        client = gateway.client()
        before = client.files.create(file=("r.jsonl", rows), purpose="fine-tune")
        now[0] += leap_s
        after = client.files.create(file=("r.jsonl", rows), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model="miniature", training_file=before.id)
        assert [file.id for file in client.files.list()][:2] == [after.id, before.id]
        assert client.fine_tuning.jobs.list().data[0].id == job.id
        assert client.fine_tuning.jobs.list_events(job.id).data[0].message.startswith("Created")
