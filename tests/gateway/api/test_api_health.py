"""What supervisors, balancers, Prometheus and readers of the reference see."""

import errno
import re
import socket
import time
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import OperationalError

from gateway.api.metrics import RequestMetrics
from gateway.api.readiness import Readiness
from gateway.store import engines, usage

NAME = "ft:miniature:tunegate::metr1234"


@pytest.fixture
def readiness(gateway, tmp_path, monkeypatch) -> Iterator[Readiness]:
    """Of a gateway with a worker on this machine, which tries a write whenever it is asked."""
    monkeypatch.setattr("gateway.api.readiness.EVERY_S", 0.0)
    services, path = gateway.services, tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        with services.database.write() as session:
            engines.sign_on(session, "w", address=str(path), secret="s", now=services.now())
        yield Readiness(services, time.monotonic)
    with services.database.write() as session:
        engines.bury(session, "w")


def test_ready_tells_the_truth_about_the_worker(gateway, http, readiness, tmp_path) -> None:
    http.headers.pop("Authorization")
    assert (http.get("/readyz").json(), http.get("/readyz").status_code) == ({"status": "ready", "missing": []}, 200)
    (tmp_path / "s").unlink()  # as one that lives on another machine
    assert (http.get("/readyz").json()["missing"], http.get("/readyz").status_code) == (["worker"], 503)
    assert (http.get("/healthz").status_code, readiness.missing()) == (200, ("worker",))


@pytest.mark.parametrize(("module", "what"), [(engines, "living"), (usage, "add")], ids=["away", "read-only"])
def test_ready_says_when_the_database_is_away_or_takes_no_writes(http, readiness, monkeypatch, module, what) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OperationalError("", {}, Exception("disk is full"))

    monkeypatch.setattr(module, what, refuse)
    assert http.get("/readyz").json() == {"status": "unready", "missing": ["database"]}
    monkeypatch.undo()
    assert readiness.missing() == ()


@pytest.mark.parametrize("what", ["mv", "rm_file"])
def test_ready_names_a_blob_store_without_room_or_rights_and_lets_chats_go_on(
    gateway, http, readiness, monkeypatch, what
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(gateway.services.blobs._fs, what, refuse)
    assert http.get("/readyz").json() == {"status": "ready", "missing": ["blob store"]}


def test_a_write_is_tried_once_in_a_while_however_often_anybody_asks(gateway, readiness, monkeypatch) -> None:
    monkeypatch.setattr("gateway.api.readiness.EVERY_S", 5.0)
    written: list[str] = []
    monkeypatch.setattr(usage, "add", lambda *_, **__: written.append("counter"))
    clock = iter([0.0, 4.9, 5.1, 5.2, 9.0])
    seen = Readiness(gateway.services, lambda: next(clock))
    assert [seen.missing() for _ in range(3)] == [()] * 3
    assert len(written) == 2


def test_metrics_are_for_keys_that_say_so_and_name_no_model_and_nobody(gateway, tenant, client, new_job) -> None:
    job = new_job()
    gateway.set_job(job.id, fine_tuned_model="a-secret-name")
    client.fine_tuning.jobs.retrieve(job.id)
    with gateway.http(gateway.tenant("admin")) as member:
        assert member.get("/metrics").status_code == 403
        member.get("/v1/models/a-secret-name")
    with gateway.http(gateway.tenant(permissions=["metrics.read"])) as admin:
        text = admin.get("/metrics").text
    assert re.search(r'requests_total\{route="/v1/fine_tuning/jobs/\{job_id\}",method="GET",status="200"\} \d', text)
    assert re.search(r'tunegate_jobs\{state="screening"\} [1-9]', text)
    for hidden in ("secret", job.id, tenant.project_id, tenant.key, "ft:"):
        assert hidden not in text


def test_every_line_of_the_metrics_is_in_the_format(gateway) -> None:
    with gateway.http(gateway.tenant(permissions=["metrics.read"])) as admin:
        admin.request("BREW", "/v1/models")
        answer = admin.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.]+|# (HELP|TYPE) [a-z_]+ .+')
    assert [line for line in answer.text.splitlines() if not sample.fullmatch(line)] == []
    assert "BREW" not in answer.text


def test_a_histogram_counts_every_request_in_its_bucket() -> None:
    metrics = RequestMetrics()
    for seconds in (0.005, 0.006, 1_000.0):
        metrics.observe(route="/r", method="GET", status=200, seconds=seconds)
    lines = list(metrics.lines())
    for line in ('bucket{route="/r",le="0.005"} 1', 'bucket{route="/r",le="300"} 2', 'bucket{route="/r",le="+Inf"} 3'):
        assert f"tunegate_request_seconds_{line}" in lines
    assert 'tunegate_request_seconds_count{route="/r"} 3' in lines


def test_the_reference_lists_what_is_served_and_every_reference_in_it_resolves(gateway, http) -> None:
    http.headers.pop("Authorization")
    document = http.get("/openapi.json").json()
    assert document["paths"]["/v1/uploads"]["post"]["requestBody"]["required"]
    schemas = document["components"]["schemas"]
    assert "training_file" in schemas["JobRequest"]["required"]
    for name in re.findall(r"#/components/schemas/(\w+)", str(document)):
        assert name in schemas


@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer wrong"}, None])
def test_every_documented_route_answers_with_a_documented_status(http, sent) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    if sent is not None:
        http.headers.pop("Authorization")
    for path, methods in paths.items():
        for method, operation in methods.items():
            answer = http.request(method, path.replace("{", "").replace("}", ""), headers=sent)
            assert str(answer.status_code) in operation["responses"], (method, path, answer.text)
            assert sent is None or "security" not in operation or answer.status_code == 401
