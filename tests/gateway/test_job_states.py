import secrets
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from one_job import NOW, one_job
from sqlalchemy.orm import Session

from gateway.pipeline.outcomes import Outcome
from gateway.pipeline.reviewing import asked
from gateway.pipeline.workshop import Workshop
from gateway.store import decisions, engines, events, files, jobs, released, releases, reviews
from gateway.store.blobs import BlobInfo
from gateway.store.database import Database
from gateway.store.errors import NotFound
from gateway.store.ids import Ids
from gateway.store.models import File, JobState, Model, Principal, Review
from gateway.store.releases import Release

ASK = reviews.Question(stage=reviews.ReviewStage.RELEASE, reasons=["base unsafe"], timeout_s=100.0)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return one_job(tmp_path / "test.db", JobState.AUDITING)


def a_release() -> Release:
    return Release(
        artefact_key="projects/proj_1/models/ftjob-1",
        digest="sha256:1",
        base_name="miniature",
        base_digest="sha256:2",
        tuning="lora",
        attestation={},
        trained_tokens=9,
        result_file_id="file-result",
        result_blob=BlobInfo(bytes=3, sha256="0" * 64),
        checks={"checks": [], "enforcement": "released"},
        verdict="The model passed",
        last_step={"step": 30, "total_steps": 30, "train_loss": 0.5, "train_mean_token_accuracy": 0.9},
    )


def messages(session: Session) -> list[str]:
    return [event.message for event in events.all_of(session, jobs.find(session, "ftjob-1"))]


def test_release_tells_its_events_in_the_contracts_order(database: Database) -> None:
    with database.write() as session:
        releases.release(session, "ftjob-1", a_release(), lambda: "ft:miniature:acme::abcd1234", now=NOW)
    with database.read() as session:
        assert messages(session) == [
            "The model passed",
            "New fine-tuned model created: ft:miniature:acme::abcd1234",
            "The job has successfully completed",
        ]
        assert jobs.find(session, "ftjob-1").result_files == ["file-result"]
        assert session.get(File, "file-result") is not None


def test_the_one_checkpoint_is_the_audited_model_itself(database: Database) -> None:
    with database.write() as session:
        job = releases.release(session, "ftjob-1", a_release(), lambda: "ft:miniature:acme::abcd1234", now=NOW)
        (checkpoint,) = released.checkpoints(session, job, after=None, limit=10).rows
        assert (checkpoint.model_name, checkpoint.step) == ("ft:miniature:acme::abcd1234", 30)
        assert checkpoint.metrics == {"step": 30, "train_loss": 0.5, "train_mean_token_accuracy": 0.9}


def test_second_release_of_a_job_makes_no_second_model(database: Database) -> None:
    names = Ids(secrets.token_bytes)
    for _ in range(2):
        try:
            with database.write() as session:
                releases.release(session, "ftjob-1", a_release(), lambda: names.letters(8), now=NOW)
        except jobs.JobEnded:
            pass
    with database.read() as session:
        assert session.query(Model).count() == 1


def test_cancelled_job_is_never_released(database: Database) -> None:
    with database.write() as session:
        jobs.find(session, "ftjob-1").cancel_requested_at = NOW
    with pytest.raises(jobs.CancelRequested), database.write() as session:
        releases.release(session, "ftjob-1", a_release(), lambda: "ft:x", now=NOW)


def test_nothing_leaves_a_terminal_state(database: Database) -> None:
    with database.write() as session:
        jobs.fail(session, "ftjob-1", code="unsafe_model", message="no", param=None, now=NOW)
        jobs.cancel(session, "ftjob-1", now=NOW)
        assert jobs.find(session, "ftjob-1").state == JobState.FAILED
    with pytest.raises(jobs.JobEnded), database.write() as session:
        jobs.enter(session, "ftjob-1", JobState.TRAINING)


def test_question_is_put_once_with_its_first_deadline(database: Database) -> None:
    with database.write() as session:
        row = jobs.enter(session, "ftjob-1", JobState.RELEASE_REVIEW)
        first = reviews.open_question(session, row, ASK, now=NOW)
        again = reviews.open_question(session, row, ASK, now=NOW + 50)
        assert (again.id, again.expires_at) == (first.id, NOW + 100)


@pytest.mark.parametrize(
    ("decision", "now", "error"),
    [
        ("accept", NOW, reviews.WrongAnswer),
        ("release", NOW + 100, reviews.ReviewClosed),
        ("maybe", NOW, reviews.WrongAnswer),
    ],
)
def test_answer_must_fit_and_be_in_time(database: Database, decision: str, now: int, error: type) -> None:
    with database.write() as session:
        row = jobs.enter(session, "ftjob-1", JobState.RELEASE_REVIEW)
        reviews.open_question(session, row, ASK, now=NOW)
        with pytest.raises(error):
            reviews.answer(session, row, decision=decision, reason="r", by=reviews.OPERATOR, now=now)


def test_second_answer_is_refused(database: Database) -> None:
    with database.write() as session:
        row = jobs.enter(session, "ftjob-1", JobState.RELEASE_REVIEW)
        reviews.open_question(session, row, ASK, now=NOW)
        reviews.answer(session, row, decision="withhold", reason="r", by=reviews.OPERATOR, now=NOW)
        with pytest.raises(reviews.ReviewClosed):
            reviews.answer(session, row, decision="release", reason="r", by=reviews.OPERATOR, now=NOW)
        assert reviews.answered(session) == [("ftjob-1", "release")]


def test_question_that_nobody_answers_in_time_is_a_refusal_and_is_logged(database: Database) -> None:
    shop = cast(Workshop, SimpleNamespace(database=database, now=lambda: NOW))
    late = cast(Workshop, SimpleNamespace(database=database, now=lambda: NOW + 100))
    assert isinstance(asked(shop, "ftjob-1", ASK), Outcome)
    for _ in range(2):  # a stage that runs twice says it once
        review = asked(late, "ftjob-1", ASK)
        assert isinstance(review, Review)
        assert review.decision is None
    with database.read() as session:
        (entry,) = decisions.entries(session)
    assert (entry.kind, entry.actor, entry.details["decision"]) == ("review", "policy", "expired")


def test_of_two_people_who_must_agree_one_refusal_decides(database: Database) -> None:
    with database.write() as session:
        row = jobs.enter(session, "ftjob-1", JobState.RELEASE_REVIEW)
        session.add(Principal(id="user-2", project_id="proj_1", name="v", role="reviewer", created_at=NOW))
        session.flush()
        reviews.open_question(session, row, replace(ASK, n_needed=2), now=NOW)
        first = reviews.answer(session, row, decision="release", reason="r", by=reviews.OPERATOR, now=NOW)
        assert first.decision is None
        other = reviews.Reviewer(principal_id="user-2", is_admin=False)
        assert reviews.answer(session, row, decision="withhold", reason="r", by=other, now=NOW).decision == "withhold"
        assert [entry.actor for entry in decisions.entries(session)] == ["operator", "user-2"]


def test_job_that_asks_nothing_cannot_be_reviewed(database: Database) -> None:
    with database.write() as session, pytest.raises(NotFound):
        reviews.answer(
            session, jobs.find(session, "ftjob-1"), decision="release", reason="r", by=reviews.OPERATOR, now=NOW
        )


def test_job_to_cancel_is_found_until_it_ends(database: Database) -> None:
    with database.write() as session:
        row = jobs.enter(session, "ftjob-1", JobState.QUEUED)
        row.cancel_requested_at = NOW
        assert list(jobs.to_cancel(session)) == [row]
        jobs.cancel(session, "ftjob-1", now=NOW)
        assert list(jobs.to_cancel(session)) == []


def test_deleted_upload_is_unneeded_once_its_job_ended(database: Database) -> None:
    key = "projects/proj_1/files/file-1"
    with database.write() as session:
        info = BlobInfo(bytes=1, sha256="0" * 64)
        file = files.insert(
            session, id="file-1", project_id="proj_1", filename="f", purpose="fine-tune", blob=info, now=NOW
        )
        file.deleted_at = NOW
        assert files.unneeded(session, [key]) == []
        jobs.cancel(session, "ftjob-1", now=NOW)
        session.flush()
        assert files.unneeded(session, [key]) == [key]


def test_engine_is_claimed_by_one_worker_and_found_by_its_lease(database: Database) -> None:
    with database.write() as session:
        assert engines.want(session, "miniature", now=NOW) is None
        session.flush()
        assert engines.claim(session, "miniature", "w1", now=NOW, lease_s=60)
        assert not engines.claim(session, "miniature", "w2", now=NOW, lease_s=60)
        engines.publish(session, "miniature", "w1", uds="/run/e.sock", secret="s", now=NOW, lease_s=60)
        assert engines.want(session, "miniature", now=NOW) is not None
        assert engines.want(session, "miniature", now=NOW + 61) is None
        assert list(engines.unserved(session, now=NOW + 61)) == ["miniature"]
