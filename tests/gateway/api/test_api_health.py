"""What supervisors, balancers, Prometheus and readers of the reference see."""

import errno
import re

import pytest
from sqlalchemy.exc import OperationalError

from gateway.api.metrics import RequestMetrics
from gateway.store import engines

NAME = "ft:miniature:tunegate::metr1234"


def test_ready_tells_the_truth_about_the_worker(gateway, http) -> None:
    http.headers.pop("Authorization")
    services = gateway.services
    assert (http.get("/readyz").status_code, http.get("/readyz").json()["missing"]) == (503, ["worker"])
    with services.database.write() as session:
        engines.sign_on(session, "w", address="a", secret="s", now=services.now())
    assert (http.get("/readyz").status_code, http.get("/healthz").status_code) == (200, 200)
    with services.database.write() as session:
        engines.bury(session, "w")


def test_ready_says_when_the_database_is_away(gateway, http, monkeypatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, Exception("locked"))

    monkeypatch.setattr(engines, "living", away)
    assert http.get("/readyz").json() == {"status": "unready", "missing": ["database"]}


def test_ready_names_a_blob_store_that_is_away_and_lets_chats_go_on(gateway, http, monkeypatch) -> None:
    def away(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(gateway.services.blobs._fs, "exists", away)
    services = gateway.services
    with services.database.write() as session:
        engines.sign_on(session, "w", address="a", secret="s", now=services.now())
    assert http.get("/readyz").json() == {"status": "ready", "missing": ["blob store"]}
    with services.database.write() as session:
        engines.bury(session, "w")


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
