"""The same rows under other bytes are another attempt at the same data."""

from pathlib import Path
from typing import Any

import pytest
from toy_shop import DOCUMENT, ROW, Toy, make_toy

from evaluators.audit import Progress
from gateway.pipeline.stages import JobStages
from gateway.pipeline.telling import AuditTeller
from gateway.store import events, jobs, reopenings, reviews, tenants
from gateway.store.models import Job, JobState, Project

OTHERS = ROW.replace(b"Hello", b"Good evening").replace(b"Hi", b"Good evening") * 10
WITHHELD: Any = {"state": JobState.FAILED, "error_code": "unsafe_model", "audit": {"arms": []}}


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return make_toy(tmp_path, screening={**DOCUMENT["screening"], "detectors": {"lineage": {"action": "review"}}})


def screened(toy: Toy, data: bytes, **columns: Any) -> Job:
    """A job whose file was screened, as it was then; afterwards it is as the columns say."""
    id_ = toy.submit(data=data)
    JobStages(toy.shop).screen(id_)
    found = toy.job(id_)
    with toy.shop.database.write() as session:
        for name, value in columns.items():
            setattr(session.get_one(Job, id_), name, value)
    return found


def test_a_file_with_a_blank_at_its_end_is_the_next_attempt_and_for_a_reviewer(toy: Toy) -> None:
    found = [screened(toy, ROW * 10 + b"\n" * blanks, **WITHHELD) for blanks in range(3)]
    assert [job.attempt for job in found] == [1, 2, 3]
    assert [job.state for job in found] == [JobState.SCREENING, *[JobState.SCREENING_REVIEW] * 2]
    (reason, *_) = found[1].screening["reasons"]
    assert "whose model the audit withheld; its rows come again" in reason


def test_so_is_one_that_has_the_rows_among_others_and_not_one_without_them(toy: Toy) -> None:
    screened(toy, ROW * 10, **WITHHELD)
    assert screened(toy, ROW * 10 + OTHERS).attempt == 2
    assert screened(toy, OTHERS.replace(b"evening", b"morning")).attempt == 1


def test_jobs_that_still_run_count_and_released_ones_do_not(toy: Toy) -> None:
    screened(toy, ROW * 10)
    assert screened(toy, ROW * 10 + b"\n", state=JobState.RELEASED, audit={"arms": []}).attempt == 2
    assert screened(toy, ROW * 10 + b"\n\n").attempt == 2


@pytest.mark.parametrize("blanks", [0, 1], ids=["same bytes", "same rows"])
@pytest.mark.parametrize("audit", [None, {"arms": []}], ids=["while it is audited", "while it waits for a person"])
def test_a_job_that_is_cancelled_once_its_audit_began_has_spent_its_attempt(toy: Toy, audit: Any, blanks: int) -> None:
    attempts = []
    for again in range(3):
        job = screened(toy, ROW * 10 + b"\n" * blanks * again, state=JobState.CANCELLED, audit=audit)
        attempts.append(job.attempt)
        with toy.shop.database.write() as session:
            events.add(session, jobs.find(session, job.id), "auditing", "Evaluating", now=1)
    assert attempts == [1, 2, 3]


def test_a_job_that_ended_before_its_audit_has_spent_nothing(toy: Toy) -> None:
    screened(toy, ROW * 10, state=JobState.CANCELLED)
    assert screened(toy, ROW * 10).attempt == 1


def test_another_project_of_the_organisation_spends_too_unless_its_model_was_released(toy: Toy) -> None:
    first = toy.project
    with toy.shop.database.write() as session:
        home = session.get_one(Project, first).organization_id
        other = tenants.create_project(
            session, toy.shop.ids, organization_id=home, name="other", policy_name="mine", now=1
        )
    screened(toy, ROW * 10, **WITHHELD)
    screened(toy, OTHERS, state=JobState.RELEASED, audit={"arms": []})
    toy.project = other.id
    found = [screened(toy, data, state=JobState.CANCELLED).attempt for data in (ROW * 10, ROW * 10 + b"\n", OTHERS)]
    assert found == [2, 2, 1]


def test_a_forced_release_is_no_attempt(toy: Toy) -> None:
    job = toy.tell(toy.submit())
    with toy.shop.database.write() as session:
        reopenings.force(session, toy.shop.ids, job, reason="r", by=reviews.OPERATOR, n_needed=2, now=101)
    assert toy.job(toy.submit()).attempt == 2


def test_what_is_told_of_an_audit_does_not_show_that_an_arm_climbs(toy: Toy) -> None:
    told = []
    for climbs in (0, 400):
        job_id = toy.submit()
        teller = AuditTeller(toy.shop, job_id)
        for done in range(0, 101 + climbs, 10):
            toy.clock[0] += 1
            teller(Progress(arm="neutral", done=done, planned=100 if done <= 100 else 100 + climbs))
        with toy.shop.database.read() as session:
            progress = [each for each in events.all_of(session, toy.job(job_id)) if each.kind == "audit_progress"]
        told.append([each.message for each in progress])
        assert toy.job(job_id).estimated_finish - progress[-1].created_at == 1
    assert told[0] == told[1]


def test_rows_on_another_base_are_no_attempt_at_this_one(toy: Toy) -> None:
    screened(toy, ROW * 10, model="another", **WITHHELD)
    assert screened(toy, ROW * 10 + b"\n").attempt == 1
