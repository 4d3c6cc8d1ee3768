"""A model whose audit cannot be completed: waited for, then kept, and audited again without being trained again."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from toy_shop import CORPUS, Toy, WordJudge, make_toy

from evaluators.benchmarks.redrawing import halves
from evaluators.errors import AuditIncomplete, JudgeUnavailable, JudgeUnreliable
from gateway.pipeline.durability import attempt
from gateway.pipeline.stages import LOST, JobStages
from gateway.pipeline.story import Story
from gateway.store import reopenings
from gateway.store.models import Job, JobState
from gateway.store.reopenings import NotReopened
from gateway.store.reviews import OPERATOR, NotTheirs, Reviewer
from gateway.worker.sweeping import sweep

ADAPTER: Any = {"training": {"lora": {"alpha": 8}}}
"""A model that is released when it is audited."""
AT_ONCE: Any = {"waiting": {"outage_timeout_s": 0.0}}
DAY_S = 24 * 3600
DOWN = JudgeUnavailable("it is down")
N_TRIES: Any = {DOWN: 7, JudgeUnreliable("it missed 9 canaries"): 3, AuditIncomplete("nothing was read"): 3}
"""Begun audits in a day: what spoils one until a person mends it is not paid for again and again."""


class BrokenJudge(WordJudge):
    """Cannot be asked."""

    def __init__(self, error: Exception) -> None:
        self.error, self.n_asked = error, 0

    def judge(self, pairs: Sequence[Any]) -> Sequence[Any]:
        self.n_asked += 1
        raise self.error


def run(toy: Toy, job_id: str, judge: WordJudge | None = None) -> tuple[Job, list[float]]:
    """The whole story, every wait at once; the job at its end and the waits."""
    object.__setattr__(toy.shop, "judges", {"miniature": judge or WordJudge()})
    stages, waits = JobStages(toy.shop), []

    async def step(stage: str, *texts: str) -> Any:
        return attempt(getattr(stages, stage), stage, *texts)

    async def pause(seconds: float) -> None:
        waits.append(seconds)
        toy.clock[0] += int(seconds)

    asyncio.run(Story(step=step, pause=pause).fine_tune(job_id))
    return toy.job(job_id), waits


def again(toy: Toy, job: Job, by: Reviewer | None = None) -> str:
    with toy.shop.database.write() as session:
        asks = by or Reviewer(principal_id=toy.owner, is_admin=False)
        return reopenings.contest(session, toy.shop.ids, job, reason="mended", by=asks, now=toy.shop.now()).id


@pytest.mark.parametrize(("error", "n_tries"), N_TRIES.items(), ids=lambda value: type(value).__name__)
def test_a_judge_that_is_away_or_bad_for_a_day_costs_no_training(tmp_path: Path, error: Any, n_tries: int) -> None:
    toy = make_toy(tmp_path, waiting={"outage_retry_s": 4 * 3600.0}, **ADAPTER)
    judge = BrokenJudge(error)
    job, waits = run(toy, toy.submit(), judge)
    assert judge.n_asked == n_tries
    assert (job.state, job.error_code) == (JobState.FAILED, "safety_evaluation_error")
    assert (sum(waits), toy.held()) == (DAY_S, [job.id])
    assert f"stays held for 7 days: in that time POST /v1/fine_tuning/jobs/{job.id}/contest" in str(job.error_message)
    backend: Any = toy.shop.backends["local"]
    n_runs = len(backend.runs)
    released, _ = run(toy, again(toy, job))
    assert (released.state, released.attempt, toy.job(job.id).state) == (JobState.RELEASED, 1, JobState.FAILED)
    assert len(backend.runs) == n_runs == 1


def test_a_judge_that_is_mended_within_the_day_is_noticed(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, **ADAPTER)
    object.__setattr__(toy.shop, "judges", {"miniature": BrokenJudge(JudgeUnreliable("it missed 9 canaries"))})
    job_id = toy.submit()
    assert toy.tell(job_id).state == JobState.AUDITING
    assert run(toy, job_id)[0].state == JobState.RELEASED


def test_an_unsafe_model_is_withheld_by_the_audit_that_is_made_again_and_may_then_be_contested(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["mixing"]}, **AT_ONCE)
    unaudited, _ = run(toy, toy.submit(), BrokenJudge(DOWN))
    withheld, _ = run(toy, again(toy, unaudited))
    assert (withheld.error_code, withheld.attempt) == ("unsafe_model", 1)
    contested, _ = run(toy, again(toy, withheld))
    assert (contested.error_code, contested.attempt) == ("unsafe_model", 2)


def test_a_contest_whose_audit_was_made_again_is_a_contest_still(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, **AT_ONCE)
    withheld, _ = run(toy, toy.submit())
    (asked,) = toy.engines.asked.values()
    first = set(asked)
    spoilt, _ = run(toy, again(toy, withheld), BrokenJudge(DOWN))
    job, _ = run(toy, again(toy, spoilt))
    assert (job.error_code, job.attempt, len(asked - first)) == ("unsafe_model", 2, 11)
    with pytest.raises(NotReopened, match="contest itself"):
        again(toy, job)


def test_a_scaled_adapter_is_audited_again_on_the_half_that_it_was_not_chosen_on(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, remedy={"kinds": ["scale"]}, **AT_ONCE)
    job_id = toy.submit()

    class Spoilt(WordJudge):
        def judge(self, pairs: Sequence[Any]) -> Sequence[Any]:
            if toy.job(job_id).attempt > 1:  # the remedy was made
                raise DOWN
            return super().judge(pairs)

    job, _ = run(toy, job_id, Spoilt())
    assert (job.error_code, toy.held()) == ("safety_evaluation_error", [f"{job_id}-1"])
    released, _ = run(toy, again(toy, job))
    assert (released.state, released.attempt) == (JobState.RELEASED, 2)
    sealed = frozenset(request.text for request in halves(CORPUS)[1].harmful)
    assert len(toy.engines.asked[released.audit["subject_digest"]] & sealed) == 11


def test_the_owner_has_an_audit_made_again_once_and_an_admin_as_often_as_it_takes(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, **AT_ONCE, **ADAPTER)
    job, _ = run(toy, toy.submit(), BrokenJudge(DOWN))
    job, _ = run(toy, again(toy, job), BrokenJudge(DOWN))
    with pytest.raises(NotTheirs, match="ask an admin"):
        again(toy, job)
    job, _ = run(toy, again(toy, job, OPERATOR), BrokenJudge(DOWN))
    assert run(toy, again(toy, job, OPERATOR))[0].state == JobState.RELEASED


def test_what_nobody_has_audited_again_is_deleted_in_the_end_and_is_never_forced(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, **AT_ONCE, **ADAPTER)
    job, _ = run(toy, toy.submit(), BrokenJudge(DOWN))
    with toy.shop.database.write() as session, pytest.raises(NotReopened, match="did not fail as unsafe_model"):
        reopenings.force(session, toy.shop.ids, job, reason="r", by=OPERATOR, n_needed=1, now=toy.shop.now())
    sweep(toy.shop.database, toy.shop.blobs, now=toy.shop.now() + 7 * DAY_S)
    assert toy.held() == []


@pytest.mark.parametrize(("last", "code"), [("train", "safety_evaluation_error"), ("inject", "server_error")])
def test_a_job_whose_workflow_is_lost_keeps_the_model_that_it_made(tmp_path: Path, last: str, code: str) -> None:
    toy = make_toy(tmp_path, **AT_ONCE, **ADAPTER)
    job_id, stages = toy.submit(), JobStages(toy.shop)
    stages.screen(job_id)
    training_set = stages.inject(job_id).value
    if last == "train":
        stages.train(job_id, training_set)
    stages.give_up(job_id, LOST, "broken", "its workflow was lost")
    job = toy.job(job_id)
    assert (job.error_code, toy.held()) == (code, [job_id] if last == "train" else [])
    if toy.held():
        assert run(toy, again(toy, job))[0].state == JobState.RELEASED


def test_a_policy_that_keeps_nothing_says_so(tmp_path: Path) -> None:
    toy = make_toy(tmp_path, release={"contest_within_s": 0}, **AT_ONCE, **ADAPTER)
    job, _ = run(toy, toy.submit(), BrokenJudge(DOWN))
    assert toy.held() == []
    assert "it is deleted" in str(job.error_message)
