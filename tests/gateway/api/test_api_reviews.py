"""Screening, audit and review: our own resources under OpenAI's job."""

import pytest

from gateway.store import reviews
from gateway.store.models import Job, JobState

ARM = {"name": "neutral", "kind": "neutral"}
AUDIT = {
    "judge": "j", "policy_digest": "hidden-digest",
    "arms": [{"arm": ARM, "n": 330, "rate": 0.01, "base_rate": 0.0, "verdict": "sound", "transcripts": "hidden-key"}],
}  # fmt: skip


@pytest.fixture
def reviewer(gateway, tenant):
    with gateway.http(gateway.tenant("reviewer", tenant.project_id)) as client:
        yield client


def ask(gateway, job_id, stage, state) -> None:
    gateway.set_job(job_id, state=state)
    with gateway.services.database.write() as session:
        job = session.get(Job, job_id)
        reviews.open_question(session, job, stage, reasons=["r"], now=gateway.services.now(), timeout_s=100)


def test_a_screening_is_pending_until_there_is_a_report(gateway, http, new_job) -> None:
    id = new_job().id
    path = f"/v1/fine_tuning/jobs/{id}/screening"
    assert http.get(path).json() == {
        "object": "fine_tuning.job.screening", "job_id": id, "status": "pending", "report": None,
    }  # fmt: skip
    gateway.set_job(id, screening={"verdict": "pass"})
    assert http.get(path).json()["report"] == {"verdict": "pass"}


def test_a_member_sees_a_summary_of_the_audit_when_the_job_has_ended(gateway, http, reviewer, new_job) -> None:
    id = new_job().id
    path = f"/v1/fine_tuning/jobs/{id}/audit"
    gateway.set_job(id, state=JobState.RELEASE_REVIEW, audit=AUDIT)
    assert http.get(path).json()["status"] == "pending"
    assert reviewer.get(path).json()["report"] == AUDIT
    gateway.set_job(id, state=JobState.FAILED)
    answer = http.get(path)
    arms = answer.json()["report"]["arms"]
    assert arms == [{"name": "neutral", "n": 330, "rate": 0.01, "base_rate": 0.0, "verdict": "sound"}]
    assert "hidden" not in answer.text


@pytest.mark.parametrize(
    ("stage", "state", "decision"),
    [
        (reviews.ReviewStage.SCREENING, JobState.SCREENING_REVIEW, "accept"),
        (reviews.ReviewStage.RELEASE, JobState.RELEASE_REVIEW, "withhold"),
    ],
)
def test_a_reviewer_answers_once(gateway, reviewer, new_job, stage, state, decision) -> None:
    id = new_job().id
    ask(gateway, id, stage, state)
    path = f"/v1/fine_tuning/jobs/{id}/review"
    assert reviewer.post(path, json={"decision": "perhaps", "reason": "x"}).status_code == 400
    answer = reviewer.post(path, json={"decision": decision, "reason": "x"})
    assert (answer.status_code, answer.json()["decision"]) == (200, decision)
    assert reviewer.post(path, json={"decision": decision, "reason": "x"}).status_code == 400


def test_a_member_may_not_review(gateway, http, new_job) -> None:
    id = new_job().id
    ask(gateway, id, reviews.ReviewStage.RELEASE, JobState.RELEASE_REVIEW)
    answer = http.post(f"/v1/fine_tuning/jobs/{id}/review", json={"decision": "release", "reason": "x"})
    assert answer.status_code == 403


def test_a_review_needs_a_question_and_a_reason(reviewer, new_job) -> None:
    path = f"/v1/fine_tuning/jobs/{new_job().id}/review"
    assert reviewer.post(path, json={"decision": "release", "reason": "x"}).status_code == 404
    assert reviewer.post(path, json={"decision": "release"}).json()["error"]["param"] == "reason"


def test_a_file_is_screened_without_a_job(http, new_job) -> None:
    file = new_job().training_file
    asked = http.post(f"/v1/files/{file}/screening").json()
    assert (asked["object"], asked["status"], asked["file_id"]) == ("screening", "queued", file)
    assert http.get(f"/v1/screenings/{asked['id']}").json() == asked
