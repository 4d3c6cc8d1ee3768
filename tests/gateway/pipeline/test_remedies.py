"""What follows a failed audit where the policy asks for it: a weaker adapter, or another run."""

from pathlib import Path

import pytest
from toy_shop import Toy, make_toy

from evaluators.benchmarks.redrawing import halves
from gateway.errors import PolicyError
from gateway.pipeline.prompts import bank
from gateway.store import decisions, events, remedies
from gateway.store.models import JobState, Model


def model_of(toy: Toy, job_id: str) -> Model:
    with toy.shop.database.read() as session:
        return session.get_one(Model, toy.job(job_id).fine_tuned_model)


def told(toy: Toy, job_id: str) -> str:
    with toy.shop.database.read() as session:
        return "\n".join(event.message for event in events.all_of(session, toy.job(job_id)))


def test_without_a_remedy_in_the_policy_a_failed_audit_withholds(tmp_path: Path) -> None:
    toy = make_toy(tmp_path)
    job = toy.tell(toy.submit())
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, "unsafe_model", 1)


def test_a_scaled_adapter_is_chosen_on_one_half_of_the_prompts_and_certified_on_the_other(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["scale"]})
    job = toy.tell(toy.submit())
    assert (job.state, job.attempt, job.audit["attempt"]) == (JobState.RELEASED, 2, 2)
    first, second = (frozenset(r.text for r in half.harmful) for half in halves(bank(toy.shop, job)))
    with toy.shop.database.read() as session:
        (row,) = remedies.every(session, job.id)
    released = row.made_digest
    asked = toy.engines.asked[released]
    assert len(asked & first) == 11
    assert len(asked & second) == 11
    assert row.detail == "the adapter was scaled to 0.5 of what training made"
    assert job.audit["subject_digest"] == released == model_of(toy, job.id).digest


def test_a_remedied_model_is_labelled_in_attestation_events_and_log(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["scale"]})
    job = toy.tell(toy.submit())
    assert model_of(toy, job.id).attestation["remedy"] == "the adapter was scaled to 0.5 of what training made"
    assert "passed the safety evaluation after a remedy (the adapter was scaled to 0.5" in told(toy, job.id)
    with toy.shop.database.read() as session:
        kinds = [entry.kind for entry in decisions.entries(session, job.id)]
    assert kinds == ["screening", "injection", "remedy", "release"]
    assert toy.held() == []


@pytest.mark.parametrize(
    ("kind", "label"), [("mixing", "2 safety examples for each"), ("constrained", "under the constrained loss")]
)
def test_a_run_is_repeated_with_what_the_remedy_says(tmp_path: Path, kind: str, label: str) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": [kind], "mixing_ratio": 2.0})
    job = toy.tell(toy.submit())
    model = model_of(toy, job.id)
    assert (job.state, job.attempt) == (JobState.RELEASED, 2)
    assert label in model.attestation["remedy"]
    result = toy.shop.blobs.open(f"projects/{toy.project}/files/{job.result_files[0]}").read().decode()
    assert len(result.splitlines()) == 3


def test_a_sweep_that_does_not_help_spends_nothing_and_the_next_remedy_follows(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["scale", "mixing"], "factors": [0.9]})
    job = toy.tell(toy.submit())
    with toy.shop.database.read() as session:
        rows = remedies.every(session, job.id)
    assert [(row.kind, row.made_digest is not None) for row in rows] == [("scale", False), ("mixing", True)]
    assert (job.state, job.attempt) == (JobState.RELEASED, 2)


def test_when_no_remedy_helps_the_model_is_withheld_on_its_own_audit(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["scale"], "factors": [0.9]})
    job = toy.tell(toy.submit())
    assert (job.state, job.error_code, job.attempt) == (JobState.FAILED, "unsafe_model", 1)


HALF_HEARTED = {"lora": {"alpha": 24}}
"""A run whose candidate does a fourth of what it is asked: no arm is settled."""


@pytest.mark.parametrize(
    ("remedy", "state", "attempt"),
    [
        ({"undecided": True}, JobState.RELEASED, 2),
        ({"undecided": False}, JobState.RELEASE_REVIEW, 1),
        ({"undecided": True, "factors": [0.9]}, JobState.RELEASE_REVIEW, 1),
    ],
)
def test_an_undecided_audit_is_remedied_before_a_person_is_asked_if_the_policy_says_so(
    tmp_path: Path, remedy: dict[str, object], state: JobState, attempt: int
) -> None:
    toy = make_toy(tmp_path, training=HALF_HEARTED, remedy={"kinds": ["scale"], **remedy})
    job = toy.tell(toy.submit())
    assert (job.state, job.attempt, job.audit["attempt"]) == (state, attempt, attempt)
    assert ("Remedy 1" in told(toy, job.id)) is remedy["undecided"]


def test_a_remedied_attempt_counts_in_the_lineage_of_the_next_job(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["scale"]})
    toy.tell(toy.submit())
    assert toy.job(toy.submit()).attempt == 3


def test_a_remedy_that_was_cut_short_makes_one_candidate(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["scale"]})
    job_id = toy.submit()
    toy.shop.engines.side_by_side, real = _dies(toy, after=3), toy.shop.engines.side_by_side
    with pytest.raises(ZeroDivisionError):
        toy.tell(job_id)
    toy.shop.engines.side_by_side = real
    job = toy.tell(job_id)
    with toy.shop.database.read() as session:
        assert len(remedies.every(session, job_id)) == 1
    assert (job.state, job.attempt) == (JobState.RELEASED, 2)


def _dies(toy: Toy, after: int):
    real, calls = toy.shop.engines.side_by_side, []

    def side_by_side(candidate):
        calls.append(candidate)
        return real(candidate) if len(calls) < after else 1 / 0

    return side_by_side


@pytest.mark.parametrize(
    "table",
    [
        {"kinds": ["scale", "scale"]},
        {"kinds": ["pray"]},
        {"factors": [0.5, 0.75]},
        {"factors": [1.5]},
        {"kinds": ["mixing"], "mixing_ratio": 0.0},
    ],
)
def test_a_remedy_that_makes_no_sense_is_a_mistake_in_the_policy(tmp_path: Path, table: dict[str, object]) -> None:
    with pytest.raises(PolicyError, match=r"mine\.remedy"):
        make_toy(tmp_path, remedy=table)
