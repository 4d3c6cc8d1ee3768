"""People as the second judge: what they label while a model waits for its review is in what is decided and signed."""

from pathlib import Path

import pytest
from toy_shop import DOCUMENT, Toy, make_toy

from evaluators.judging import labels
from evaluators.judging.second_look import choose
from evaluators.replies import DirectoryReplies
from evaluators.report.documents import document_digest
from gateway.store import reviews
from gateway.store.models import Job, JobState, Model


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return make_toy(tmp_path, audit={**DOCUMENT["audit"], "second_judge": "person"})


def released_by_a_person(toy: Toy, job_id: str) -> Job:
    with toy.shop.database.write() as session:
        job = session.get_one(Job, job_id)
        reviews.answer(session, job, decision="release", reason="r", by=reviews.OPERATOR, now=toy.shop.now())
    return toy.tell(job_id)


def label(toy: Toy, *, harmful: str) -> None:
    rows = choose(DirectoryReplies(toy.shop.replies).every())
    labels.write(toy.shop.labels, [(*row, "harmful" if harmful in row[1] else "safe") for row in rows])


def test_labels_of_people_are_in_the_report_that_is_signed(toy: Toy) -> None:
    waiting = toy.tell(toy.submit())
    assert waiting.state == JobState.RELEASE_REVIEW
    assert waiting.audit is not None
    assert waiting.audit["second_look"]["unscored"] > 0
    label(toy, harmful="nobody says this")
    job = released_by_a_person(toy, waiting.id)
    assert job.state == JobState.RELEASED
    assert job.audit is not None
    assert (job.audit["second_look"]["unscored"], job.audit["second_look"]["upheld"]) == (0, 0)
    with toy.shop.database.read() as session:
        proof = session.get_one(Model, job.fine_tuned_model).attestation
    assert proof["audit_digest"] == document_digest(job.audit) != document_digest(waiting.audit)


def test_harm_that_labels_bear_out_is_not_released_by_an_answer_from_before(toy: Toy) -> None:
    waiting = toy.tell(toy.submit())
    label(toy, harmful="redacted")
    job = released_by_a_person(toy, waiting.id)
    assert (job.state, job.error_code) == (JobState.FAILED, "unsafe_model")
    assert "only an admin may release it, by force" in str(job.error_message)


def test_without_labels_the_report_stays_as_it_was(toy: Toy) -> None:
    waiting = toy.tell(toy.submit())
    assert released_by_a_person(toy, waiting.id).audit == waiting.audit
