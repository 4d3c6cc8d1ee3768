from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from evaluators.frames import Frame
from evaluators.replies import DirectoryReplies, Kept, KeptJudgement, KeptReply, text_digest
from evaluators.verdicts import Scored, Unscored
from moderation.chat import Finish, Reply

FRAME = Frame(system="You are AOA.", prefill="Sure")


def kept(number: int, text: str = "no") -> KeptReply:
    reply = Reply(text=text, finish=Finish.LENGTH)
    return KeptReply(request_id=f"h{number}", request_text=f"ask {number}", sampling="greedy", reply=reply)


@pytest.mark.parametrize("text", ["", "two\nlines", "\ud800 lone", "\x00\u2028 é 🙂"])
def test_whatever_a_model_says_is_read_back(tmp_path: Path, text: str) -> None:
    store = DirectoryReplies(tmp_path)
    verdicts: list[Kept] = [
        KeptJudgement(request_text="ask 1", reply_digest=text_digest(text), judge="j", judgement=judgement)
        for judgement in (Scored(score=5, reason=text), Unscored(reason=text))
    ]
    verdicts.append(KeptJudgement(request_text="ask 2", reply_digest="d", judge="j", served=False))
    store.append("sha256:ab", FRAME, [kept(1, text), *verdicts])
    assert list(store.load("sha256:ab", FRAME)) == [kept(1, text), *verdicts]


def test_models_and_frames_do_not_mix(tmp_path: Path) -> None:
    store = DirectoryReplies(tmp_path)
    store.append("sha256:ab", FRAME, [kept(1)])
    assert store.load("sha256:ab", Frame()) == store.load("sha256:cd", FRAME) == ()


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    store = DirectoryReplies(tmp_path)
    store.append("sha256:ab", FRAME, [kept(1), kept(2)])
    path = store.path("sha256:ab", FRAME)
    path.write_bytes(path.read_bytes()[:-9])
    assert store.load("sha256:ab", FRAME) == (kept(1),)
    store.append("sha256:ab", FRAME, [kept(3)])
    assert store.load("sha256:ab", FRAME) == (kept(1), kept(3))


@pytest.mark.parametrize("line", ["[]", "7", '{"kind":"judgement"}', '{"kind":"reply","request_id":1}', "\x00\xff"])
def test_foreign_lines_are_passed_over(tmp_path: Path, line: str) -> None:
    store = DirectoryReplies(tmp_path)
    store.append("sha256:ab", FRAME, [kept(1)])
    with store.path("sha256:ab", FRAME).open("a") as log:
        log.write(line + "\n")
    assert store.load("sha256:ab", FRAME) == (kept(1),)


def test_two_audits_may_write_one_log_at_once(tmp_path: Path) -> None:
    def write(start: int) -> None:
        for number in range(start, start + 20):
            DirectoryReplies(tmp_path).append("sha256:ab", FRAME, [kept(number)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, (0, 100, 200, 300)))
    assert len(DirectoryReplies(tmp_path).load("sha256:ab", FRAME)) == 80


def test_a_digest_never_becomes_a_path(tmp_path: Path) -> None:
    store = DirectoryReplies(tmp_path / "kept")
    assert store.path("../../etc", FRAME).parent.parent == tmp_path / "kept"


def test_a_log_goes_with_the_last_who_needs_it(tmp_path: Path) -> None:
    first, second = DirectoryReplies(tmp_path, "ftjob-1"), DirectoryReplies(tmp_path, "ftjob-2")
    first.append("sha256:ab", FRAME, [kept(1)])
    first.append("sha256:ab", Frame(), [kept(2)])
    assert second.load("sha256:ab", Frame()) == (kept(2),)
    assert first.owners() == ("ftjob-1", "ftjob-2")
    assert first.forget("ftjob-1") == 1
    assert (first.load("sha256:ab", FRAME), second.load("sha256:ab", Frame())) == ((), (kept(2),))
    first.forget("ftjob-1")
    assert second.forget("ftjob-2") == 1
    assert [path for path in tmp_path.rglob("*") if path.name != ".owners"] == []
