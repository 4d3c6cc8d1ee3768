"""Who did what is on record before the answer leaves, in ids and without content."""

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, OperationalError

from gateway.store import trail
from gateway.store.trail import Query


@pytest.fixture
def lines(gateway, tenant):
    def read(**wanted):
        query = Query(project_ids=[tenant.project_id], **wanted)
        with gateway.services.database.read() as session:
            return trail.newest_first(session, query, after=None, limit=100).rows

    return read


def test_acts_are_recorded_with_who_and_what_and_reading_is_not(gateway, tenant, client, lines, new_job) -> None:
    job = new_job()
    client.fine_tuning.jobs.cancel(job.id)
    client.files.content(job.training_file).read()
    client.fine_tuning.jobs.retrieve(job.id)
    found = [(line.act, line.resource_id, line.status) for line in reversed(lines())]
    assert found == [
        ("file.created", job.training_file, 200),
        ("fine_tuning.job.created", job.id, 200),
        ("fine_tuning.job.cancelled", job.id, 200),
        ("file.content_read", job.training_file, 200),
    ]
    (actor,) = {(line.actor_kind, line.actor_id[:9], line.key_id[:4]) for line in lines()}
    assert actor == ("service_account", "svc_acct_", "key_")


def test_what_a_key_may_not_do_is_recorded_as_refused_and_what_was_wrong_is_not(
    gateway, tenant, lines, new_job
) -> None:
    id = new_job().id
    with gateway.http(tenant) as member:
        member.post(f"/v1/fine_tuning/jobs/{id}/release", json={"reason": "please"})
        member.post("/v1/fine_tuning/jobs", json={"model": "no"})
    newest = lines()[0]
    assert (newest.act, newest.resource_id, newest.status) == ("release.forced", id, 403)
    assert newest.request_id.startswith("req_")


def test_details_are_recorded_where_they_were_shown(gateway, tenant, http, lines, new_job) -> None:
    id = new_job().id
    http.get(f"/v1/fine_tuning/jobs/{id}/screening")
    assert lines(acts=["screening.details_read"]) == []
    with gateway.http(gateway.tenant("reviewer", tenant.project_id)) as reviewer:
        reviewer.get(f"/v1/fine_tuning/jobs/{id}/screening")
        reviewer.get(f"/v1/fine_tuning/jobs/{id}/audit")
    assert {line.act for line in lines(resource_ids=[id])} >= {"screening.details_read", "audit.details_read"}


def test_an_act_that_cannot_be_recorded_is_not_confirmed(gateway, client, monkeypatch, rows) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("INSERT secret", {}, Exception("gone"))

    monkeypatch.setattr(trail, "add", away)
    answer = httpx.post(
        f"{gateway.url}/v1/files",
        files={"file": ("a", rows)},
        data={"purpose": "fine-tune"},
        headers={"Authorization": f"Bearer {client.api_key}"},
    )
    assert (answer.status_code, "secret" in answer.text) == (503, False)


def test_the_trail_is_read_by_administrators_in_openais_shape(gateway, tenant, new_job) -> None:
    id = new_job().id
    with gateway.admin() as admin:
        page = admin.get("/v1/organization/audit_logs", params={"project_ids[]": tenant.project_id, "limit": 1}).json()
        (line,) = page["data"]
        older = admin.get("/v1/organization/audit_logs", params={"after": line["id"], "resource_ids": id}).json()
        later = {"effective_at[gt]": line["effective_at"] + 9, "resource_ids": id}
        none = admin.get("/v1/organization/audit_logs", params=later).json()
        assert admin.get("/v1/organization/audit_logs?effective_at[gte]=now").status_code == 400
    assert (line["type"], line["fine_tuning.job.created"], page["has_more"]) == (
        "fine_tuning.job.created", {"id": id}, True,
    )  # fmt: skip
    assert line["actor"]["api_key"]["type"] == "service_account"
    assert (older["data"], none["data"]) == ([], [])


def test_administrators_acts_are_recorded_too(gateway) -> None:
    with gateway.admin() as admin:
        id = admin.post("/v1/organization/projects", json={"name": "watched"}).json()["id"]
        admin.post(f"/v1/organization/projects/{id}/archive")
        found = admin.get("/v1/organization/audit_logs", params={"resource_ids": id}).json()["data"]
    assert [line["type"] for line in found] == ["project.archived", "project.created"]


@pytest.mark.parametrize("statement", ["UPDATE trail SET actor_id = 'x'", "DELETE FROM trail"])
def test_the_database_refuses_to_rewrite_the_trail(gateway, new_job, statement) -> None:
    new_job()
    with pytest.raises(DatabaseError, match="append-only"), gateway.services.database.write() as session:
        session.execute(text(statement))
