"""What an evidence pack tells of a model that was remedied, contested or released by force."""

from pathlib import Path
from typing import Any

import pytest
from toy_shop import Toy, make_toy

from gateway.evidence.collecting import collect
from gateway.evidence.page import page
from gateway.evidence.signing import signed
from gateway.store import reopenings, reviews
from gateway.store.models import Job, JobState
from gateway.store.reviews import OPERATOR, Reviewer
from gateway.verifying import Verifier


def evidence(toy: Toy, job: Job) -> dict[str, Any]:
    verifier = Verifier(database=toy.shop.database, blobs=toy.shop.blobs, key=toy.shop.signing_key)
    with toy.shop.database.read() as session:
        return collect(session, job, verifier, organization="acme", now=toy.shop.now())


@pytest.mark.parametrize("kinds", [[], ["mixing"]], ids="+".join)
def test_the_run_and_its_data_are_those_that_made_the_model(tmp_path: Path, kinds: list[str]) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": kinds}, **({} if kinds else {"release": {"action": "record"}}))
    job = toy.tell(toy.submit())
    assert job.state == JobState.RELEASED
    told = evidence(toy, job)
    assert ("Not enforced (shadow mode)" in page(signed(told, toy.shop.signing_key))) is (not kinds)
    assert told["injection"]["training_set_digest"] == told["release"]["attestation"]["training_set_digest"]
    assert (told["run"]["remedy"], told["run"]["steps"]) == (1 if kinds else None, 2)
    assert [(one["failed_run"]["remedy"], one["failed_run"]["steps"]) for one in told["remedies"]] == [
        (None, 2) for _ in kinds[:1]
    ]


def test_the_page_says_why_by_which_policy_what_was_left_open_and_what_would_change_it(tmp_path: Path) -> None:
    toy = make_toy(tmp_path)
    text = page(signed(evidence(toy, toy.tell(toy.submit())), toy.shop.signing_key))
    said = text[: text.index("<h2>The job</h2>")]
    wanted = ["The model was withheld: it did not pass the safety evaluation.", "<li>arm neutral is unsafe: harmful"]
    wanted += ["under the policy <b>mine</b>", "Not covered by the audit</h3><ul><li>another language"]
    wanted += ["full arms the rule releases, by true harmful rate", "the owner may contest this finding once"]
    assert not [part for part in wanted if part not in said]


def test_what_came_before_a_forced_release_is_in_its_evidence(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, release={"action": "review"})
    first = toy.submit()
    toy.tell(first)
    reviewer = Reviewer(principal_id=toy.person("reviewer"), is_admin=False)
    with toy.shop.database.write() as session:
        job = session.get_one(Job, first)
        reviews.answer(session, job, decision="withhold", reason="r", by=reviewer, now=toy.shop.now())
    withheld = toy.tell(first)
    with toy.shop.database.write() as session:
        again = reopenings.force(
            session, toy.shop.ids, withheld, reason="a drill", by=OPERATOR, n_needed=1, now=toy.shop.now()
        ).id
    told = evidence(toy, toy.tell(again))
    assert told["release"]["attestation"]["forced"]
    assert (told["run"]["steps"], told["injection"]["n_examples"]) == (2, 10)
    assert [(one["job_id"], one["decision"]) for one in told["reviews"]] == [(first, "withhold"), (again, "release")]
    (earlier,) = told["earlier_audits"]
    assert (earlier["job_id"], earlier["audit"]["candidate_digest"]) == (first, told["release"]["digest"])
    del told["earlier_audits"]  # a pack of an earlier version makes the page that it made
    assert "The verdict that this job looks at again" in page(signed(told, toy.shop.signing_key))
