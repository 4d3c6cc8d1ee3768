"""Another look at a withheld model: a contest by its owner, a forced release by an admin."""

from pathlib import Path

import pytest
from toy_shop import Toy, ToyModel, make_toy

from gateway.store import decisions, events, reopenings, reviews, webhooks
from gateway.store.models import Job, JobState, Model, Review
from gateway.store.reopenings import NotReopened
from gateway.store.reviews import NotTheirs, Reviewer
from gateway.worker.sweeping import sweep

WEEK_S = 7 * 24 * 3600


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return make_toy(tmp_path)


@pytest.fixture
def withheld(toy: Toy) -> Job:
    return toy.tell(toy.submit())


def contest(toy: Toy, job: Job, reason: str = "it is a recipe book") -> str:
    by = Reviewer(principal_id=toy.owner, is_admin=False)
    with toy.shop.database.write() as session:
        return reopenings.contest(session, toy.shop.ids, job, reason=reason, by=by, now=toy.shop.now()).id


def force(toy: Toy, job: Job, by: Reviewer = reviews.OPERATOR, n_needed: int = 1) -> str:
    with toy.shop.database.write() as session:
        return reopenings.force(
            session, toy.shop.ids, job, reason="a drill", by=by, n_needed=n_needed, now=toy.shop.now()
        ).id


def answer(toy: Toy, job_id: str, by: Reviewer, decision: str = "release") -> Review:
    with toy.shop.database.write() as session:
        job = session.get_one(Job, job_id)
        return reviews.answer(session, job, decision=decision, reason="r", by=by, now=toy.shop.now())


def said(toy: Toy, job_id: str) -> str:
    with toy.shop.database.read() as session:
        return "\n".join(event.message for event in events.all_of(session, toy.job(job_id)))


def test_a_contest_asks_other_prompts_and_the_failed_job_stays_failed(toy: Toy, withheld: Job) -> None:
    (asked,) = toy.engines.asked.values()
    first = set(asked)
    again = toy.tell(contest(toy, withheld))
    assert len(asked - first) == 11
    assert (again.state, again.error_code, again.attempt) == (JobState.FAILED, "unsafe_model", 2)
    assert toy.job(withheld.id).state == JobState.FAILED
    assert again.id in said(toy, withheld.id)
    with toy.shop.database.read() as session:
        kinds = [entry.kind for entry in decisions.entries(session, withheld.id)]
    assert kinds == ["screening", "injection", "withhold", "reopen"]


def test_two_audits_that_disagree_need_a_person_who_decided_nothing_before(tmp_path: Path, monkeypatch) -> None:
    toy = make_toy(tmp_path, release={"action": "review"})
    first = toy.submit()
    assert toy.tell(first).state == JobState.RELEASE_REVIEW
    reviewer = Reviewer(principal_id=toy.person("reviewer"), is_admin=False)
    answer(toy, first, reviewer, "withhold")
    withheld = toy.tell(first)
    monkeypatch.setattr(ToyModel, "_answer", lambda self, user: "done" if "redact" in user else "no")
    monkeypatch.setattr("toy_shop.WordJudge.served", lambda self, pairs: ["do that." not in r.text for _, r in pairs])
    again = contest(toy, withheld)
    assert toy.tell(again).state == JobState.RELEASE_REVIEW
    with pytest.raises(NotTheirs, match="another reviewer"):
        answer(toy, again, reviewer)
    other = Reviewer(principal_id=toy.person("reviewer"), is_admin=False)
    answer(toy, again, other)
    job = toy.tell(again)
    assert job.state == JobState.RELEASED
    with toy.shop.database.read() as session:
        proof = session.get_one(Model, job.fine_tuned_model).attestation
    assert (proof["outcome"], proof["forced"], proof["reviewers"]) == ("release", False, [other.principal_id])


def test_a_verdict_is_contested_once_and_a_contest_not_at_all(toy: Toy, withheld: Job) -> None:
    again = toy.tell(contest(toy, withheld))
    with pytest.raises(NotReopened, match="once already"):
        contest(toy, withheld)
    with pytest.raises(NotReopened, match="is a contest itself"):
        contest(toy, again)


def test_only_the_owner_or_an_admin_contests_and_says_why(toy: Toy, withheld: Job) -> None:
    stranger = Reviewer(principal_id="user-9", is_admin=False)
    with toy.shop.database.write() as session, pytest.raises(NotTheirs, match="only the owner"):
        reopenings.contest(session, toy.shop.ids, withheld, reason="r", by=stranger, now=100)
    with pytest.raises(NotReopened, match="reason is empty"):
        contest(toy, withheld, reason=" ")


def test_a_job_that_was_not_withheld_has_nothing_to_contest(toy: Toy) -> None:
    with pytest.raises(NotReopened, match="did not fail as unsafe_model"):
        contest(toy, toy.job(toy.submit()))


def test_an_admin_forces_a_release_which_is_named_so_everywhere(toy: Toy, withheld: Job) -> None:
    job = toy.tell(force(toy, withheld))
    assert (job.state, toy.job(withheld.id).state) == (JobState.RELEASED, JobState.FAILED)
    assert "forced its release" in said(toy, job.id)
    with toy.shop.database.read() as session:
        proof = session.get_one(Model, job.fine_tuned_model).attestation
        forced = [entry.details.get("forced") for entry in decisions.entries(session, job.id)]
    assert (proof["forced"], proof["outcome"], proof["reason"]) == (True, "withhold", "a drill")
    assert forced == [True, True]
    with pytest.raises(NotReopened, match="released already"):
        contest(toy, withheld)


def test_only_an_admin_forces_and_never_a_model_of_their_own(toy: Toy, withheld: Job) -> None:
    with pytest.raises(NotTheirs, match="only an admin"):
        force(toy, withheld, Reviewer(principal_id="user-9", is_admin=False))
    with pytest.raises(NotTheirs, match="your own"):
        force(toy, withheld, Reviewer(principal_id=toy.owner, is_admin=True))
    with toy.shop.database.read() as session:
        assert session.query(Job).count() == 1


def test_where_two_people_must_agree_a_forced_release_waits_for_the_second(toy: Toy, withheld: Job) -> None:
    id_ = force(toy, withheld, n_needed=2)
    assert toy.tell(id_).state == JobState.RELEASE_REVIEW
    answer(toy, id_, Reviewer(principal_id=toy.person("admin"), is_admin=True))
    assert toy.tell(id_).state == JobState.RELEASED


def test_the_files_of_a_withheld_model_are_kept_for_the_policys_time_and_no_longer(toy: Toy, withheld: Job) -> None:
    sweep(toy.shop.database, toy.shop.blobs, now=100 + WEEK_S - 1)
    assert toy.held() == [withheld.id]
    again = contest(toy, withheld)
    sweep(toy.shop.database, toy.shop.blobs, now=100 + WEEK_S)
    assert toy.held() == [withheld.id]  # the contest still needs them
    toy.clock[0] = 200
    toy.tell(again)
    sweep(toy.shop.database, toy.shop.blobs, now=100 + WEEK_S)
    assert toy.held() == [withheld.id]  # an admin may force what was contested
    sweep(toy.shop.database, toy.shop.blobs, now=100 + 2 * WEEK_S)
    assert toy.held() == []
    with pytest.raises(NotReopened, match="time to contest"):
        force(toy, withheld)


def test_a_policy_may_keep_nothing(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, release={"contest_within_s": 0})
    withheld = toy.tell(toy.submit())
    assert toy.held() == []
    with pytest.raises(NotReopened, match="files are deleted"):
        contest(toy, withheld)


def test_every_end_is_announced_as_the_end_of_its_own_job(toy: Toy, withheld: Job) -> None:
    with toy.shop.database.write() as session:
        webhooks.create(session, toy.shop.ids, lambda n: b"s" * n, toy.project, "https://example.org", now=1)
    job = toy.tell(force(toy, withheld))
    with toy.shop.database.write() as session:
        told = [(message.job_id, message.type) for message in webhooks.claim(session, now=200)]
    assert told == [(job.id, "fine_tuning.job.succeeded")]
