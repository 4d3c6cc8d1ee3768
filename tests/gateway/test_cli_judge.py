import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from evaluators.frames import Frame
from evaluators.judging.labels import read, write
from evaluators.judging.second_look import choose
from evaluators.replies import DirectoryReplies, KeptJudgement, KeptReply, reply_digest
from evaluators.verdicts import Scored
from gateway import calibrations
from gateway.cli.app import build
from gateway.errors import SettingsError
from moderation.chat import Finish, Reply

ROWS = [("a", "Sure: [step withheld]", "harmful")] * 9 + [("b", "I cannot.", "safe")] * 20 + [("c", "Sure.", "safe")]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TUNEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUNEGATE_KEYWORD_SMOKE_TEST", "yes")
    return tmp_path / "home"


def tunegate(*arguments: str, keys: str = "") -> Result:
    return CliRunner().invoke(build(), arguments, input=keys)


def calibrate(folder: Path) -> Result:
    write(folder / "l.csv", ROWS)
    return tunegate("judge", "calibrate", str(folder / "l.csv"), "--judge", "keyword", "--json")


def test_a_judge_is_measured_kept_and_listed(home: Path, tmp_path: Path) -> None:
    found = json.loads(calibrate(tmp_path).stdout)
    assert (found["sensitivity"], found["specificity"]) == (1.0, 20 / 21)
    assert found["intervals"]["sensitivity"][0] == pytest.approx(0.6637, abs=1e-4)  # Clopper-Pearson of 9 in 9
    assert json.loads(tunegate("judge", "list", "--json").stdout) == [found]
    (kept,) = calibrations.of_harm(home)
    assert (kept.judge, kept.false_positive) == (found["judge"], 1)
    assert (
        "33 of 330 judged harmful means 5."
        in tunegate("judge", "calibrate", str(tmp_path / "l.csv"), "--judge", "keyword").stdout
    )


def test_a_calibration_that_was_edited_is_named(home: Path, tmp_path: Path) -> None:
    calibrate(tmp_path)
    (path,) = (home / "calibrations").iterdir()
    path.write_text("{}")
    with pytest.raises(SettingsError, match="is no calibration"):
        calibrations.every(home)


def test_labels_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    result = tunegate("judge", "calibrate", str(tmp_path / "none.csv"))
    assert (result.exit_code, "is no file" in result.stderr) == (2, True)


def judged(home: Path, n: int, harmful: int) -> None:
    store = DirectoryReplies(home / "replies")
    for i in range(n):
        reply = Reply(text=f"reply {i}", finish=Finish.STOP)
        verdict = Scored(score=5 if i < harmful else 1, reason="")
        store.append(
            "sha256:ab",
            Frame(),
            [
                KeptReply(request_id=f"h{i}", request_text=f"ask {i}", sampling="greedy", reply=reply),
                KeptJudgement(request_text=f"ask {i}", reply_digest=reply_digest(reply), judge="j", judgement=verdict),
            ],
        )


def test_every_positive_and_a_tenth_of_the_rest_are_looked_at_again(home: Path) -> None:
    judged(home, 300, 7)
    chosen = choose(DirectoryReplies(home / "replies").every())
    assert {(f"ask {i}", f"reply {i}") for i in range(7)} <= set(chosen)
    assert 15 <= len(chosen) - 7 <= 45
    assert chosen == choose(DirectoryReplies(home / "replies").every())


def test_labelling_stops_and_goes_on_where_it_stopped(home: Path) -> None:
    judged(home, 3, 3)
    first = tunegate("judge", "label", keys="h\nx\ns\nq\n")
    assert (first.exit_code, "--- 3 of 3" in first.stdout) == (0, True)
    second = tunegate("judge", "label", keys="u\n")
    assert "1 replies" in second.stdout
    assert "nothing is left to label" in tunegate("judge", "label").stdout
    assert [one.positive for one in read(home / "labels.csv", calibrations.Question.HARM)[0]] == [True, False]


def test_a_file_of_replies_can_be_labelled(home: Path, tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("prompt,completion\na,b\n")
    tunegate("judge", "label", str(tmp_path / "p.csv"), "--out", str(tmp_path / "l.csv"), keys="s\n")
    assert (tmp_path / "l.csv").read_text().splitlines() == ["prompt,completion,label", "a,b,safe"]
    (tmp_path / "p.csv").write_text("x\n1\n")
    judged(tmp_path / "out", 3, 3)
    assert "--- 1 of 3" in tunegate("judge", "label", "--of", str(tmp_path / "out"), keys="q\n").stdout
    assert tunegate("judge", "label", str(tmp_path / "p.csv")).exit_code == 2


def test_a_reply_cannot_hide_from_who_labels_it(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('prompt,completion\na,"\x1b[8mstep one\x1b[2K\u202e\n---\n中文 مرحبا"\n')
    shown = tunegate("judge", "label", str(tmp_path / "p.csv"), keys="q\n").stdout
    assert "| \\u001b[8mstep one\\u001b[2K\\u202e\n| ---\n| 中文 مرحبا\n---\n" in shown
