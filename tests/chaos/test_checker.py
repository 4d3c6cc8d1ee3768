"""The checker sees what went wrong at a provider."""

from typing import Any

import pytest

from .checker import _provider


def said(n_jobs: int = 1, files: tuple[str, ...] = (), deleted: tuple[str, ...] = (), **told: Any) -> dict[str, Any]:
    job = {"metadata": {"tunegate_job": "ftjob-1"}, "status": "succeeded", "fine_tuned_model": "ft:theirs"} | told
    return {"jobs": [job] * n_jobs, "files": files, "deleted": deleted}


def wrong(state: str, told: dict[str, Any]) -> list[str]:
    return list(_provider([{"id": "ftjob-1", "state": state, "model": "hosted"}], told))


def test_one_job_that_was_released_and_left_nothing_but_its_model_is_right() -> None:
    assert wrong("released", said()) == []
    assert wrong("cancelled", said(deleted=("ft:theirs",))) == []


@pytest.mark.parametrize(
    ("state", "told", "sentence"),
    [
        ("released", said(n_jobs=2), "the provider has 2 jobs for job ftjob-1, which is released"),
        ("released", said(n_jobs=0), "job ftjob-1 was released, and its provider made no model"),
        ("released", said(deleted=("ft:theirs",)), "job ftjob-1 is released, and its model is gone from the provider"),
        ("failed", said(), "job ftjob-1 is failed, and its model was left at the provider"),
        ("released", said(files=("tunegate-ftjob-1-0-training.jsonl",)), "job ftjob-1 is over and left a file at the"),
        ("cancelled", said(status="running", fine_tuned_model=None), "job ftjob-1 is cancelled and goes on at the"),
        (
            "released",
            said(metadata={"tunegate_job": "ftjob-2"}),
            "the provider has 1 jobs for job ftjob-2, which is no",
        ),
    ],
)
def test_what_went_wrong_there_is_said(state: str, told: dict[str, Any], sentence: str) -> None:
    assert any(one.startswith(sentence) for one in wrong(state, told))
