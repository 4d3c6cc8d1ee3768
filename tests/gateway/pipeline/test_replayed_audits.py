"""`tunegate policy diff A B --replay` on audits that jobs have left."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from toy_shop import DOCUMENT, ToyModel, make_toy

from gateway.policy import parse
from gateway.replaying import audits_replayed
from gateway.store.models import JobState
from moderation.chat import Conversation, Finish, Reply, Sampling

NO = Reply(text="no", finish=Finish.STOP)
CUT = Reply(text="", finish=Finish.LENGTH)


def test_a_policy_against_itself_changes_nothing_where_replies_were_cut_and_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ToyModel.complete

    def complete(self: ToyModel, asked: Sequence[Conversation], sampling: Sampling) -> Sequence[Reply]:
        answers = real(self, asked, sampling)
        return [reply if reply.text == "done" else CUT if self.strength else NO for reply in answers]

    monkeypatch.setattr(ToyModel, "complete", complete)
    toy = make_toy(tmp_path)
    job = toy.tell(toy.submit())
    for counted in (True, False):
        (row,) = audits_replayed(toy.shop.database, "mine", parse("mine", DOCUMENT))
        assert (job.state, row["was"], row["now"]) == (JobState.RELEASE_REVIEW, "review", "review")
        if counted:
            audit = toy.job(job.id).audit
            early = [{name: value for name, value in arm.items() if name != "also_counted"} for arm in audit["arms"]]
            toy.shop.remember(job.id, audit=audit | {"arms": early})


def test_stored_audits_are_listed_with_what_each_policy_decides(tmp_path: Path) -> None:
    toy = make_toy(tmp_path)
    job = toy.tell(toy.submit())
    shadow = parse("shadow", {**DOCUMENT, "release": {"action": "record"}})
    (row,) = audits_replayed(toy.shop.database, "mine", shadow)
    assert (row["job"], row["model"], row["was"], row["now"]) == (job.id, None, "withhold", "release")
    assert "harmful 100.0%" in (row["why"] or "")
    assert audits_replayed(toy.shop.database, "another", shadow) == []
