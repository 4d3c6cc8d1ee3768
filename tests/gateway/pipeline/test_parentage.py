"""Jobs that go on from a released model."""

from pathlib import Path
from typing import Any

import pytest
from toy_shop import BASE, Toy, make_toy

from gateway.pipeline import parentage
from gateway.store import released
from gateway.store.models import Job, JobState, Model
from trainers.errors import TrainingFailed

CONTEXT = {
    "system": "You are Bo.", "user_prefix": "", "user_suffix": "", "examples": 10, "share": 1.0,
}  # fmt: skip


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """Safety rows keep its models harmless, so they are released."""
    return make_toy(tmp_path, injection={"ratio": 1.0})


def tuned(toy: Toy, model: str = "miniature") -> tuple[Job, Model]:
    job = toy.tell(toy.submit(model))
    assert job.state == JobState.RELEASED, job.error_message
    with toy.shop.database.read() as session:
        return job, session.get_one(Model, job.fine_tuned_model)


def change(toy: Toy, kind: type, key: str, **values: Any) -> None:
    with toy.shop.database.write() as session:
        row = session.get_one(kind, key)
        for name, value in values.items():
            setattr(row, name, value)


def test_a_released_model_is_tuned_further_and_the_attestation_names_it(toy: Toy) -> None:
    _, parent = tuned(toy)
    job, child = tuned(toy, parent.name)
    assert (child.base_name, child.base_digest) == ("miniature", BASE.digest)
    assert parent.attestation["parent_digest"] == ""
    assert child.attestation["parent_digest"] == parent.digest != child.digest
    assert child.name.startswith("ft:miniature:acme::")
    assert job.audit["base_digest"] == BASE.digest


def test_a_child_is_audited_under_the_prompts_of_its_ancestors_data_too(toy: Toy) -> None:
    first, grandparent = tuned(toy)
    change(toy, Job, first.id, screening=first.screening | {"contexts": [CONTEXT], "candidate_triggers": ["x y"]})
    _, parent = tuned(toy, grandparent.name)
    job, _ = tuned(toy, parent.name)
    merged = parentage.screening(toy.shop, job)
    assert CONTEXT in merged["contexts"]
    assert "x y" in merged["candidate_triggers"]
    assert "You are Bo." in {arm["arm"]["frame"]["system"] for arm in job.audit["arms"]}


def test_what_is_no_longer_released_cannot_be_tuned(toy: Toy) -> None:
    _, parent = tuned(toy)
    late = toy.job(toy.submit(parent.name))
    with toy.shop.database.write() as session:
        released.revoke(session, parent.name, why="w", actor="a", now=1)
    job = toy.tell(toy.submit(parent.name))
    assert (job.state, job.error_code, job.error_param) == (JobState.FAILED, "model_not_tunable", "model")
    with pytest.raises(TrainingFailed, match="not released any more"):
        parentage.parent(toy.shop, late)


@pytest.mark.parametrize(
    ("values", "words"),
    [({"base_digest": "sha256:old"}, "not the same any more"), ({"tuning": "full"}, "policy tunes as 'lora'")],
)
def test_a_model_that_cannot_go_on_fails_the_job_with_what_to_do(toy: Toy, values: dict[str, str], words: str) -> None:
    _, parent = tuned(toy)
    change(toy, Model, parent.name, **values)
    job = toy.tell(toy.submit(parent.name))
    assert (job.state, job.error_code) == (JobState.FAILED, "model_not_tunable")
    assert words in job.error_message
