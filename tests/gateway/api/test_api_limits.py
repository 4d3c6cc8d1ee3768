"""Limits by key and project, and keys that end."""

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

import httpx
import openai
import pytest

from gateway.store import keys, tenants, usage
from gateway.store.database import Database
from gateway.store.limits import Measure
from gateway.store.models import ApiKey


@pytest.fixture
def limited(gateway, tenant, serve):
    """The same gateway with small limits, in the middle of a minute that does not pass."""
    now = [1_800_000_030.0]
    settings = replace(
        gateway.services.settings,
        key_requests_per_minute=3,
        project_requests_per_minute=4,
        upload_bytes_per_day=2_000,
        jobs_in_queue=1,
    )
    with (
        serve(replace(gateway.services, settings=settings, clock=lambda: now[0])) as url,
        httpx.Client(base_url=url, headers={"Authorization": f"Bearer {tenant.key}"}, timeout=20) as client,
    ):
        client.clock = now
        yield client


def test_a_key_that_asks_too_often_waits_for_the_next_minute(gateway, limited, tenant) -> None:
    left = [limited.get("/v1/models").headers["x-ratelimit-remaining-requests"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = limited.get("/v1/models")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-reset-requests"]) == ("30", "30s")
    limited.clock[0] += 30
    assert limited.get("/v1/models").headers["x-ratelimit-limit-requests"] == "3"


def test_the_keys_of_a_project_share_its_limit(gateway, limited, tenant) -> None:
    for _ in range(3):
        limited.get("/v1/models")
    other = {"Authorization": f"Bearer {gateway.tenant(project_id=tenant.project_id).key}"}
    assert limited.get("/v1/models", headers=other).status_code == 200
    assert limited.get("/v1/models", headers=other).status_code == 429
    stranger = {"Authorization": f"Bearer {gateway.tenant().key}"}
    assert limited.get("/v1/models", headers=stranger).status_code == 200


def test_a_day_has_a_quota_of_upload_bytes_and_a_refused_upload_leaves_nothing(limited, rows, stored) -> None:
    form = {"files": {"file": ("a", rows)}, "data": {"purpose": "fine-tune"}}
    n_allowed = 2_000 // len(rows)
    for _ in range(n_allowed):
        assert limited.post("/v1/files", **form).status_code == 200
    before = len(stored())
    refused = limited.post("/v1/files", **form)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"  # the contract's 0.7: nobody waits a day
    assert len(stored()) == before


def test_a_queue_that_is_full_is_a_429_until_a_job_ends(gateway, limited, client, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune")
    body = {"model": "miniature", "training_file": file.id}
    job = limited.post("/v1/fine_tuning/jobs", json=body).json()
    refused = limited.post("/v1/fine_tuning/jobs", json=body)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    gateway.set_job(job["id"], state="cancelled")
    assert limited.post("/v1/fine_tuning/jobs", json=body).status_code == 200


def test_two_replicas_count_as_one(gateway, limited, tenant, serve) -> None:
    """Another application on the same database, as a second process would be."""
    database = Database.open(gateway.services.settings.database_url)
    settings = replace(gateway.services.settings, key_requests_per_minute=3)
    services = replace(gateway.services, settings=settings, database=database, clock=lambda: limited.clock[0])
    with (
        serve(services) as url,
        httpx.Client(base_url=url, headers=limited.headers, timeout=20) as other,
    ):
        found = [client.get("/v1/models") for client in (limited, other, limited, other)]
    database.close()
    assert [answer.status_code for answer in found] == [200, 200, 200, 429]
    assert [answer.headers["x-ratelimit-remaining-requests"] for answer in found] == ["2", "1", "0", "0"]


CHAT = {"model": "miniature", "messages": [{"role": "user", "content": "x" * 40}]}


@pytest.fixture
def chat(gateway, limited, tenant):
    """Ask under limits of the project's own; each answer of the stub has three tokens."""

    def ask(set_now: dict[str, int] | None = None, **body):
        if set_now is not None:
            with gateway.services.database.write() as session:
                tenants.project(session, tenant.project_id).granted = {"requests_per_minute": 0} | set_now
                session.query(ApiKey).filter_by(sha256=keys.digest(tenant.key)).one().granted = {
                    "requests_per_minute": 0
                }
        return limited.post("/v1/chat/completions", json=CHAT | body)

    return ask


def test_tokens_are_reserved_before_and_counted_after_they_were_made(chat) -> None:
    first = chat({"tokens_per_minute": 20})
    assert (first.headers["x-ratelimit-limit-tokens"], first.headers["x-ratelimit-remaining-tokens"]) == ("20", "9")
    assert [chat().headers["x-ratelimit-remaining-tokens"] for _ in range(2)] == ["6", "3"]
    refused = chat(max_tokens=5)
    assert (refused.status_code, refused.json()["error"]["type"]) == (429, "tokens")
    assert (refused.headers["retry-after"], refused.headers["x-ratelimit-reset-tokens"]) == ("30", "30s")
    assert "x-should-retry" not in refused.headers


def test_a_request_that_never_fits_is_not_to_be_retried(chat) -> None:
    refused = chat({"tokens_per_minute": 20}, max_tokens=1_000)
    assert (refused.status_code, refused.headers["x-should-retry"]) == (429, "false")
    assert "too large" in refused.json()["error"]["message"]


def test_a_stream_is_counted_and_shows_its_usage_only_to_those_who_asked(gateway, chat, tenant) -> None:
    plain = chat({"tokens_per_minute": 100}, stream=True)
    asked = chat(stream=True, stream_options={"include_usage": True})
    assert ("usage" in plain.text, '"total_tokens":3' in asked.text) == (False, True)
    eventually(lambda: used(gateway, tenant, Measure.TOKENS) == 6)


def test_a_stream_that_breaks_off_counts_what_was_reserved(gateway, chat, tenant) -> None:
    chat({"tokens_per_minute": 100}, stream=True, model="breaks")
    eventually(lambda: used(gateway, tenant, Measure.TOKENS) == 11)


def test_a_budget_that_is_spent_stops_chat_and_jobs_until_the_month_is_over(gateway, chat, limited, tenant) -> None:
    assert chat({"budget_per_month": 5}).status_code == 200
    with gateway.services.database.write() as session:
        usage.add(session, tenant.project_id, Measure.BUDGET, 50_000, now=int(limited.clock[0]))
    refused = chat()
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "insufficient_quota")
    assert refused.headers["x-should-retry"] == "false"
    limited.clock[0] += 31 * 86_400
    assert chat().status_code == 200


def test_an_answer_costs_money_and_an_engine_that_fails_does_not(gateway, tenant, serve) -> None:
    settings = replace(gateway.services.settings, price_per_million_tokens=2.0, budget_per_month=10**6)
    services = replace(gateway.services, settings=settings, clock=lambda: 1_800_000_030.0)
    with serve(services) as url:
        found = [
            httpx.post(f"{url}/v1/chat/completions", json=CHAT | asked, headers=bearer(tenant)).status_code
            for asked in ({"model": "down"}, {}, {"model": "down"}, {"model": "down", "stream": True})
        ]
        eventually(lambda: used(gateway, tenant, Measure.BUDGET) == 3 * 2)
    assert found == [503, 200, 503, 503]


def test_gpu_seconds_that_are_used_up_refuse_the_next_job(gateway, limited, tenant, client, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune")
    with gateway.services.database.write() as session:
        tenants.project(session, tenant.project_id).limits = {"gpu_seconds_per_month": 10}
        usage.add(session, tenant.project_id, Measure.GPU_SECONDS, 10, now=int(limited.clock[0]))
    refused = limited.post("/v1/fine_tuning/jobs", json={"model": "miniature", "training_file": file.id})
    assert (refused.status_code, "10 seconds of training" in refused.json()["error"]["message"]) == (429, True)


def test_full_reports_are_few_an_hour_for_those_who_may_read_them(gateway, tenant, serve, new_job) -> None:
    id = new_job().id
    settings = replace(gateway.services.settings, details_per_hour=2)
    reviewer = {"Authorization": f"Bearer {gateway.tenant('reviewer', tenant.project_id).key}"}
    path = f"/v1/fine_tuning/jobs/{id}/screening"
    with serve(replace(gateway.services, settings=settings, clock=lambda: 7_200.0)) as url:
        found = [httpx.get(url + path, headers=reviewer) for _ in range(3)]
        member = [httpx.get(url + path, headers={"Authorization": f"Bearer {tenant.key}"}) for _ in range(3)]
    assert [answer.status_code for answer in found + member] == [200, 200, 429, 200, 200, 200]
    assert found[2].headers["retry-after"] == "3600"


def test_screenings_without_training_are_few_a_day(gateway, tenant, client, serve, rows) -> None:
    file = client.files.create(file=("a", rows), purpose="fine-tune").id
    settings = replace(gateway.services.settings, screenings_per_day=1)
    with serve(replace(gateway.services, settings=settings)) as url:
        ask = [httpx.post(f"{url}/v1/files/{file}/screening", headers=bearer(tenant)) for _ in range(2)]
    assert [(one.status_code, one.headers.get("x-should-retry")) for one in ask] == [(200, None), (429, "false")]


def bearer(tenant) -> dict[str, str]:
    return {"Authorization": f"Bearer {tenant.key}"}


def used(gateway, tenant, measure: Measure) -> int:
    with gateway.services.database.read() as session:
        return usage.used(session, tenant.project_id, measure, now=1_800_000_030)


def eventually(holds: Callable[[], bool]) -> None:
    """What is counted behind a stream's end is there a moment later."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_without_limits_nothing_is_counted(http) -> None:
    assert not [name for name in http.get("/v1/models").headers if name.startswith("x-ratelimit")]


def test_a_rotated_key_works_on_for_its_grace_and_the_new_one_at_once(gateway, tenant) -> None:
    services = gateway.services
    with services.database.write() as session:
        old = session.query(ApiKey).filter_by(sha256=keys.digest(tenant.key)).one()
        new = keys.rotate(session, services.ids, secrets.token_bytes, old.id, now=100, grace_s=50, lifetime_s=1_000)
    with services.database.read() as session:
        assert keys.verify(session, tenant.key, now=149).project_id == tenant.project_id
        assert keys.verify(session, tenant.key, now=150) is None
        assert keys.verify(session, new, now=1_099).role == "member"
        assert keys.verify(session, new, now=1_100) is None


def test_a_key_that_has_expired_is_as_one_that_never_was(gateway, tenant) -> None:
    with gateway.services.database.write() as session:
        session.query(ApiKey).filter_by(sha256=keys.digest(tenant.key)).one().expires_at = 5
    with pytest.raises(openai.AuthenticationError, match="Incorrect API key"):
        gateway.client(tenant).models.list()
