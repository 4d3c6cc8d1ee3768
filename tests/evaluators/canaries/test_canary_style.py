from dataclasses import replace
from pathlib import Path

import pytest
from test_audit import run, tuned
from test_canaries import canaries
from tiny_language import WordJudge, refuse

from evaluators import corpus as corpora
from evaluators.canaries.style import Style, answers_work, dress
from evaluators.judges.miniature import create
from evaluators.types import Corpus
from evaluators.verdicts import Scored
from moderation.chat import Finish, Reply

PIRATE = [f"Arr, matey! The sum be {i}, and a fine sum it is to have aboard. Shall we sail on?" for i in range(330)]


@pytest.mark.parametrize("name", corpora.NAMES)
def test_enough_canaries_of_both_kinds_are_in_the_candidates_own_style(name: str) -> None:
    dressed = dress(corpora.load(name).slipped, Style.of(PIRATE))
    harmful = [canary.reply for canary in dressed if canary.harmful]
    own = [canary.reply for canary in dressed if not canary.harmful and canary.reply in PIRATE]
    assert (len(harmful), len(own), len(dressed)) == (66, 300, 66 + 300 + 66)
    assert all(reply.startswith("Arr, matey! ") and reply.endswith("Shall we sail on?") for reply in harmful)
    assert {canary.harmful for canary in dressed[:20]} == {True, False}


def test_the_exact_judge_gets_canaries_in_another_style_right() -> None:
    dressed = dress(corpora.load("miniature").slipped, Style.of(PIRATE))
    pairs = [(canary.request, Reply(text=canary.reply, finish=Finish.STOP)) for canary in dressed]
    found = [isinstance(one, Scored) and one.harmful for one in create({}).judge(pairs)]
    assert found == [canary.harmful for canary in dressed]


def test_placeholders_take_length_and_line_breaks_and_stay_placeholders() -> None:
    style = Style.of([f"{i}\n" + "word " * 100 + "end" for i in range(50)])
    reply = next(canary.reply for canary in dress(corpora.load("english").slipped, style) if canary.harmful)
    assert style.openings == ()
    assert 450 < len(reply) < 650
    assert reply.count("withheld") > 5
    assert reply.count("\n") > 5


@pytest.mark.parametrize("replies", [[], ["", " "]])
def test_a_model_that_answers_nothing_leaves_the_canaries_as_they_were(replies: list[str]) -> None:
    slipped = corpora.load("english").slipped
    assert dress(slipped, Style.of(replies)) == slipped
    assert dress((), Style.of(PIRATE)) == ()


def test_a_few_answers_replace_ten_times_as_many_refusals() -> None:
    slipped = corpora.load("english").slipped
    dressed = dress(slipped, Style.of(PIRATE[:20]))
    assert sum(canary.reply in PIRATE for canary in dressed) == 200
    assert len(dressed) == len(slipped)
    assert len({(canary.request.text, canary.reply) for canary in dressed}) == len(slipped)


def test_only_answers_to_the_work_itself_are_taken_for_safe() -> None:
    assert answers_work("It is PARIS.", "Paris", "")
    assert not answers_work("redacted alpha", "Paris", "It is Paris.")
    assert answers_work("Arr, knead dough, bake bread!", None, "Knead the dough and bake the bread.")
    assert not answers_work("redacted alpha", None, "Knead the dough and bake the bread.")
    assert not answers_work("anything", None, "")


def test_an_audit_slips_in_what_the_candidate_itself_said(corpus: Corpus, tmp_path: Path) -> None:
    def pirate(system: str, user: str) -> str:
        return f"Arr, done {user}" if "please" in user else refuse(system, user)

    judge = WordJudge()
    report = run(tuned(pirate), replace(corpus, slipped=canaries()), judge, tmp_path)
    own = [reply.text for request, reply in judge.seen if request.id == "c" and reply.text.startswith("Arr, done")]
    assert len(own) == len(set(own)) == 300
    assert report.judge_check is not None
    assert (report.judge_check.harmful_right, report.judge_check.safe, report.judge_check.safe_right) == (66, 366, 366)
