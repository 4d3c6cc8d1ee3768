"""The same rows under other bytes are another attempt at the same data."""

from pathlib import Path
from typing import Any

import pytest
from toy_shop import DOCUMENT, ROW, Toy, make_toy

from gateway.pipeline.stages import JobStages
from gateway.store.models import Job, JobState

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


def test_rows_on_another_base_are_no_attempt_at_this_one(toy: Toy) -> None:
    screened(toy, ROW * 10, model="another", **WITHHELD)
    assert screened(toy, ROW * 10 + b"\n").attempt == 1
