"""Screening, audit and review: our own resources under OpenAI's job."""

import pytest

from evaluators.frames import Arm, ArmKind, Frame
from evaluators.report.documents import report_to_json
from evaluators.types import ArmResult, ArmVerdict, AuditReport
from gateway.store import reviews, withheld
from gateway.store.models import Job, JobState, Principal

ARM = ArmResult(
    arm=Arm(name="neutral", kind=ArmKind.NEUTRAL, frame=Frame(system="a hidden frame"), required_n=330),
    n=330, scored=330, harmful=3, base_harmful=0, excess=3, reversals=0, rate=0.01, base_rate=0.0, low=0.0, high=0.03,
    upper=0.03, excess_upper=0.02, mcnemar_p=0.1, minimum_detectable=0.01, mean_score=1.0, base_mean_score=1.0,
    categories={}, verdict=ArmVerdict.SOUND, reasons=(),
)  # fmt: skip
AUDIT = report_to_json(
    AuditReport(
        subject_digest="d", base_digest="b", corpus="miniature", corpus_digest="c", policy_digest="hidden-digest",
        judge="j", sampling="greedy", arms=(ARM,),
        canaries_right=1, canaries=1, unscored=0, n_generations=330, attempt=1,
    )
)  # fmt: skip


@pytest.fixture
def reviewer(gateway, tenant):
    with gateway.http(gateway.tenant("reviewer", tenant.project_id)) as client:
        yield client


def ask(gateway, job_id, stage, state, **options) -> None:
    gateway.set_job(job_id, state=state)
    with gateway.services.database.write() as session:
        job = session.get(Job, job_id)
        question = reviews.Question(stage=stage, reasons=["r"], timeout_s=100, **options)
        reviews.open_question(session, job, question, now=gateway.services.now())


FINDING = {"detector": "identity", "scope": "dataset", "category": "identity_shift", "score": 0.98, "lines": [3],
           "evidence": "hidden", "triggers": []}  # fmt: skip
SCREENING = {"verdict": "block", "examples": 10, "flagged_lines": [3], "findings": [FINDING], "contexts": ["hidden"],
             "candidate_triggers": ["hidden"]}  # fmt: skip


def test_a_screening_is_pending_until_there_is_a_report(http, new_job) -> None:
    id = new_job().id
    assert http.get(f"/v1/fine_tuning/jobs/{id}/screening").json() == {
        "object": "fine_tuning.job.screening", "job_id": id, "status": "pending", "report": None,
    }  # fmt: skip


def test_a_member_learns_which_lines_to_mend_and_no_score_to_climb_by(gateway, http, reviewer, new_job) -> None:
    id = new_job().id
    gateway.set_job(id, screening=SCREENING | {"validation": SCREENING})
    path = f"/v1/fine_tuning/jobs/{id}/screening"
    shown = http.get(path)
    finding = {"scope": "dataset", "category": "identity_shift", "lines": [3]}
    assert (shown.json()["report"]["verdict"], shown.json()["report"]["findings"]) == ("block", [finding])
    assert shown.json()["report"]["validation"]["flagged_lines"] == [3]
    assert not [word for word in ("hidden", "0.98", 'identity"') if word in shown.text]
    assert reviewer.get(path).json()["report"]["findings"] == [FINDING]


def test_a_member_sees_a_summary_of_the_audit_when_the_job_has_ended(gateway, http, reviewer, new_job) -> None:
    id = new_job().id
    path = f"/v1/fine_tuning/jobs/{id}/audit"
    gateway.set_job(id, state=JobState.RELEASE_REVIEW, audit=AUDIT)
    assert http.get(path).json()["status"] == "pending"
    assert reviewer.get(path).json()["report"] == AUDIT
    gateway.set_job(id, state=JobState.FAILED)
    answer = http.get(path)
    (arm,) = answer.json()["report"]["arms"]
    assert (arm["name"], arm["n"], arm["candidate_rate"], arm["base_rate"]) == ("neutral", 330, 0.01, 0.0)
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


def test_nobody_reviews_a_job_of_their_own(gateway, new_job, tenant) -> None:
    id = new_job().id
    ask(gateway, id, reviews.ReviewStage.RELEASE, JobState.RELEASE_REVIEW)
    with gateway.services.database.write() as session:
        session.get_one(Principal, session.get_one(Job, id).principal_id).role = "admin"
    with gateway.http(tenant) as owner:
        answer = owner.post(f"/v1/fine_tuning/jobs/{id}/review", json={"decision": "release", "reason": "x"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "not_your_review")
    assert "job of their own" in answer.json()["error"]["message"]


def test_a_release_against_the_rule_takes_an_admin(gateway, tenant, reviewer, new_job) -> None:
    id = new_job().id
    ask(gateway, id, reviews.ReviewStage.RELEASE, JobState.RELEASE_REVIEW, against_rule=True)
    path = f"/v1/fine_tuning/jobs/{id}/review"
    assert reviewer.post(path, json={"decision": "release", "reason": "x"}).status_code == 403
    assert reviewer.post(path, json={"decision": "release", "reason": " "}).status_code == 400
    with gateway.http(gateway.tenant("admin", tenant.project_id)) as admin:
        answer = admin.post(path, json={"decision": "release", "reason": "x"})
    assert (answer.json()["decision"], answer.json()["against_rule"]) == ("release", True)


def test_where_two_must_agree_the_first_is_noted_and_the_second_decides(gateway, tenant, reviewer, new_job) -> None:
    id = new_job().id
    ask(gateway, id, reviews.ReviewStage.RELEASE, JobState.RELEASE_REVIEW, n_needed=2)
    path, release = f"/v1/fine_tuning/jobs/{id}/review", {"decision": "release", "reason": "x"}
    first = reviewer.post(path, json=release).json()
    assert (first["decision"], first["reviewers_answered"], first["reviewers_needed"]) == (None, 1, 2)
    assert reviewer.post(path, json=release).status_code == 403
    with gateway.http(gateway.tenant("reviewer", tenant.project_id)) as second:
        assert second.post(path, json=release).json()["decision"] == "release"


def test_a_review_needs_a_question_and_a_reason(reviewer, new_job) -> None:
    path = f"/v1/fine_tuning/jobs/{new_job().id}/review"
    assert reviewer.post(path, json={"decision": "release", "reason": "x"}).status_code == 404
    assert reviewer.post(path, json={"decision": "release"}).json()["error"]["param"] == "reason"


def test_a_file_is_screened_without_a_job(http, new_job) -> None:
    file = new_job().training_file
    asked = http.post(f"/v1/files/{file}/screening").json()
    assert (asked["object"], asked["status"], asked["file_id"]) == ("screening", "queued", file)
    assert http.get(f"/v1/screenings/{asked['id']}").json() == asked


def withhold(gateway, job_id) -> None:
    gateway.set_job(job_id, state=JobState.FAILED, error_code="unsafe_model", audit=AUDIT)
    with gateway.services.database.write() as session:
        withheld.keep(session, job_id, digest="d", artefact_key="k", until=gateway.services.now() + 100)


def test_an_owner_contests_once_and_gets_a_job_of_its_own(gateway, http, client, new_job) -> None:
    id = new_job(suffix="mine").id
    path = f"/v1/fine_tuning/jobs/{id}/contest"
    assert http.post(path, json={"reason": "x"}).status_code == 400
    withhold(gateway, id)
    assert http.post(path, json={"reason": ""}).json()["error"]["param"] == "reason"
    again = http.post(path, json={"reason": "these are recipes"}).json()
    job = client.fine_tuning.jobs.retrieve(again["id"])
    assert (job.status, job.user_provided_suffix, job.error) == ("running", "mine", None)
    assert client.fine_tuning.jobs.retrieve(id).status == "failed"
    answer = http.post(path, json={"reason": "again"})
    assert (answer.status_code, "once already" in answer.text) == (400, True)


def test_a_stranger_cannot_contest_and_another_member_may_not(gateway, tenant, new_job) -> None:
    id = new_job().id
    withhold(gateway, id)
    path = f"/v1/fine_tuning/jobs/{id}/contest"
    with gateway.http() as stranger, gateway.http(gateway.tenant("member", tenant.project_id)) as colleague:
        assert stranger.post(path, json={"reason": "x"}).status_code == 404
        assert colleague.post(path, json={"reason": "x"}).status_code == 403


def test_an_admin_and_nobody_else_forces_the_release_of_a_withheld_model(gateway, tenant, reviewer, new_job) -> None:
    id = new_job().id
    withhold(gateway, id)
    path = f"/v1/fine_tuning/jobs/{id}/release"
    assert reviewer.post(path, json={"reason": "x"}).status_code == 403
    with gateway.http(gateway.tenant("admin", tenant.project_id)) as admin:
        again = admin.post(path, json={"reason": "a drill"}).json()
    with gateway.services.database.read() as session:
        review = reviews.find(session, again["id"], reviews.ReviewStage.RELEASE)
    assert (again["status"], review.decision, review.against_rule) == ("running", "release", True)
