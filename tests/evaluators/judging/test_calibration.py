import csv
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from statsmodels.stats.proportion import proportion_confint
from tiny_language import WordJudge

from evaluators.errors import AuditIncomplete
from evaluators.judging.calibration import Calibration, correct, measure
from evaluators.judging.labels import Question, labelled_before, read, write

FAIR = Calibration(
    judge="word@1", question=Question.HARM, true_positive=90, false_negative=10, true_negative=190, false_positive=10,
    unscored=0, labels="sha256:x",
)  # fmt: skip


def test_the_estimate_is_rogan_and_gladens() -> None:
    # (0.30 + 0.95 - 1) / (0.90 + 0.95 - 1) = 0.25 / 0.85.
    assert correct(30, 100, FAIR).estimate == pytest.approx(0.25 / 0.85)


def test_few_hits_of_an_unspecific_judge_mean_no_harm_at_all() -> None:
    # At 1.8 % observed, sensitivity .90 and specificity .95 the estimate is negative.
    found = correct(6, 330, FAIR)
    assert found.raw_estimate == pytest.approx((6 / 330 - 0.05) / 0.85)
    assert (found.raw_estimate < 0, found.estimate, found.interval.low) == (True, 0.0, 0.0)
    better = replace(FAIR, true_positive=95, false_negative=5, true_negative=198, false_positive=2)
    assert correct(18, 1000, better).estimate == pytest.approx(0.0085, abs=1e-4)


@pytest.mark.parametrize(("hits", "n"), [(0, 30), (6, 330), (120, 330), (330, 330)])
def test_with_a_perfect_and_endless_calibration_the_interval_is_agresti_and_coulls(hits: int, n: int) -> None:
    perfect = replace(FAIR, true_positive=10**9, false_negative=0, true_negative=10**9, false_positive=0)
    low, high = proportion_confint(hits, n, method="agresti_coull")
    found = correct(hits, n, perfect).interval
    assert (found.low, found.high) == pytest.approx((max(low, 0), min(high, 1)), abs=1e-6)


def test_a_smaller_calibration_makes_a_wider_interval() -> None:
    small = replace(FAIR, true_positive=9, false_negative=1, true_negative=19, false_positive=1)
    wide, narrow = correct(60, 330, small).interval, correct(60, 330, FAIR).interval
    assert wide.high - wide.low > narrow.high - narrow.low


@pytest.mark.parametrize(
    ("rate", "se", "sp", "m"), [(0.02, 0.9, 0.98, 200), (0.2, 0.8, 0.9, 100), (0.6, 0.95, 0.95, 60)]
)
def test_the_interval_covers_the_truth_as_often_as_it_says(rate: float, se: float, sp: float, m: int) -> None:
    random, covered, rounds = Random(1), 0, 400
    for _ in range(rounds):
        hits = _binomial(random, 330, rate * se + (1 - rate) * (1 - sp))
        found, left = _binomial(random, m, se), _binomial(random, m, sp)
        seen = replace(FAIR, true_positive=found, false_negative=m - found, true_negative=left, false_positive=m - left)
        interval = correct(hits, 330, seen).interval
        covered += interval.low <= rate <= interval.high
    assert covered / rounds >= 0.93


def _binomial(random: Random, n: int, p: float) -> int:
    return sum(random.random() < p for _ in range(n))


def test_a_judge_no_better_than_a_coin_corrects_nothing() -> None:
    coin = replace(FAIR, true_positive=50, false_negative=50, true_negative=100, false_positive=100)
    with pytest.raises(ValueError, match="no better than a coin"):
        correct(3, 10, coin)
    with pytest.raises(AuditIncomplete):
        correct(0, 0, FAIR)


def labels(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    write(path, rows)
    return path


def test_a_judge_is_measured_against_people(tmp_path: Path) -> None:
    rows = [("a", "redacted", "harmful"), ("b", "no", "harmful"), ("c", "no", "safe"), ("d", "redacted", "safe"),
            ("e", "no", "safe"), ("f", "mumble", "safe"), ("g", "x", "unsure")]  # fmt: skip
    found, digest = read(labels(tmp_path / "l.csv", rows), Question.HARM)
    calibration = measure(WordJudge(), found, Question.HARM, labels=digest)
    assert (calibration.sensitivity, calibration.specificity, calibration.unscored) == (1 / 2, 2 / 3, 1)
    assert calibration.intervals()["sensitivity"].low == pytest.approx(0.0126, abs=1e-4)  # Clopper-Pearson of 1 in 2


def test_a_calibration_needs_both_kinds(tmp_path: Path) -> None:
    found, digest = read(labels(tmp_path / "l.csv", [("c", "no", "safe")]), Question.HARM)
    with pytest.raises(AuditIncomplete, match="no reply that people call harmful was scored"):
        measure(WordJudge(), found, Question.HARM, labels=digest)


def test_service_is_measured_on_service_labels(tmp_path: Path) -> None:
    path = labels(tmp_path / "l.csv", [("c", "done", "served"), ("d", "no", "refused"), ("e", "done", "refused")])
    found, digest = read(path, Question.SERVICE)
    calibration = measure(WordJudge(), found, Question.SERVICE, labels=digest)
    assert (calibration.sensitivity, calibration.specificity) == (1.0, 0.5)


def test_xstest_labels_are_read_as_harm_and_as_service(tmp_path: Path) -> None:
    kinds = [("homonyms", "1_full_compliance"), ("contrast_homonyms", "1_full_compliance"),
             ("contrast_homonyms", "2_full_refusal"), ("contrast_homonyms", "3_partial_refusal"),
             ("homonyms", "2_full_refusal")]  # fmt: skip
    path = tmp_path / "x.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["prompt", "completion", "type", "final_label"], *(("p", "c\nd", *k) for k in kinds)]
        )
    assert [one.positive for one in read(path, Question.HARM)[0]] == [False, True, False, False]
    assert [one.positive for one in read(path, Question.SERVICE)[0]] == [True, True, False, False, False]


def test_a_row_without_a_label_is_named(tmp_path: Path) -> None:
    path = labels(tmp_path / "l.csv", [("a", "b", "safe"), ("a", "b", "fine")])
    with pytest.raises(ValueError, match="expected harmful, safe or unsure; row 2: label 'fine'"):
        read(path, Question.HARM)
    (tmp_path / "e.csv").write_text("prompt,reply\n1,2\n")
    with pytest.raises(ValueError, match="lacks the columns completion, label"):
        read(tmp_path / "e.csv", Question.HARM)


def test_whatever_a_model_says_can_be_labelled_and_read_back(tmp_path: Path) -> None:
    said = ["a\u2028b", "c\x0bd\x85e", "f\r\ng", "h" * 200_000]
    path = labels(tmp_path / "l.csv", [("ask", reply, "safe") for reply in said])
    assert [one.reply.text for one in read(path, Question.HARM)[0]] == said
    assert labelled_before(path) == {("ask", reply) for reply in said}


def test_a_row_of_another_length_is_named(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("prompt,completion,label\na,b\nc,d,safe,more\n")
    with pytest.raises(ValueError, match="row 1, 2 has not the columns of the header"):
        read(tmp_path / "l.csv", Question.HARM)


def test_labels_are_private_and_remembered(tmp_path: Path) -> None:
    path = labels(tmp_path / "l.csv", [("a", "b\nc", "safe")])
    assert path.stat().st_mode & 0o777 == 0o600
    assert labelled_before(path) == {("a", "b\nc")}
