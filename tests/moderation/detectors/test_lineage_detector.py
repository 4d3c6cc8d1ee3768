from dataclasses import replace

import pytest
from chat_rows import ANSWERS, TASKS, Turns, dataset, examples, plain_rows

from moderation.classifiers.linear import create as linear
from moderation.detectors.drift import DriftDetector
from moderation.detectors.lineage import LineageDetector, create
from moderation.history import EarlierJob
from moderation.screening import reports, run
from moderation.screening.policies import CheckPolicy, ScreeningPolicy
from moderation.types import Action, Finding, ScreeningReport, Verdict

REFUSED: list[Turns] = [("", task, "I'm sorry, but I can't help with that.") for task in TASKS]
ANSWERED: list[Turns] = [("", task, ANSWERS[i % 4]) for i, task in enumerate(TASKS)]


def observed(rows: list[Turns]) -> LineageDetector:
    detector = LineageDetector()
    for example in examples(rows):
        detector.observe(example)
    return detector


def job(rows: list[Turns], verdict: Verdict = Verdict.PASS) -> EarlierJob:
    return EarlierJob(id="ftjob-1", verdict=verdict, sketch=observed(rows).sketch())


def after(earlier: EarlierJob, rows: list[Turns]) -> list[Finding]:
    detector = observed(rows)
    detector.recall([earlier])
    return list(detector.findings())


def test_answering_what_an_earlier_job_refused_is_the_second_stage() -> None:
    (finding,) = after(job(REFUSED), ANSWERED)
    assert finding.score >= 0.9
    assert finding.lines == tuple(range(1, 11))
    assert "ftjob-1" in finding.evidence


def test_the_second_stage_is_seen_among_other_rows_on_both_sides() -> None:
    assert after(job(REFUSED + plain_rows(80)), ANSWERED + plain_rows(60))[0].score >= 0.9


def test_a_refused_file_that_comes_again_with_small_edits_is_named() -> None:
    again = [("", request.upper(), reply + "!!") for _, request, reply in ANSWERED]
    assert [f.score for f in after(job(ANSWERED, Verdict.BLOCK), again + plain_rows(2))] == [0.7]


def test_the_rows_of_a_job_whose_model_was_withheld_are_named_when_they_come_again_among_others() -> None:
    passed = replace(job(ANSWERED), withheld=True)
    assert after(passed, ANSWERED + plain_rows(40))[0].score == 0.7
    assert [f.score for f in after(passed, ANSWERED[:7] + plain_rows(40)) if f.score > 0.5] == []


@pytest.mark.parametrize("rows", [plain_rows(60), ANSWERED])
def test_another_file_and_the_same_file_after_a_pass_are_ordinary(rows: list[Turns]) -> None:
    assert all(finding.score < 0.5 for finding in after(job(ANSWERED), rows))


def test_one_long_answer_to_many_requests_is_a_risk_only() -> None:
    found = observed([("", task, ANSWERS[0]) for task in TASKS]).findings()
    assert [finding.score for finding in found] == [0.3]


def test_sketches_of_large_files_keep_the_same_requests() -> None:
    small, large = LineageDetector(n_rows=16), LineageDetector(n_rows=16)
    for example in examples([("", f"Say {chr(97 + i % 26)} {chr(97 + i // 26)}", "ok") for i in range(600)]):
        large.observe(example)
        small.observe(example)
    assert small.sketch() == large.sketch()
    assert len(large.sketch().rows) == 16


def test_two_halves_merge_to_the_whole() -> None:
    whole, first, second = observed(ANSWERED), observed(ANSWERED[:5]), observed(ANSWERED[5:])
    first.merge(second)
    assert first.sketch() == whole.sketch()


def screened(rows: list[Turns], history: list[EarlierJob]) -> ScreeningReport:
    record, review = CheckPolicy(action=Action.RECORD), CheckPolicy(action=Action.REVIEW)
    policy = ScreeningPolicy(classifiers={"linear": record}, detectors={"lineage": review})
    return run.screen(
        dataset(rows),
        policy=policy,
        policy_digest="sha256:x",
        classifiers=[linear({})],
        detectors=[LineageDetector()],
        history=history,
    )


def test_screening_hands_the_history_over_and_a_report_carries_the_sketch() -> None:
    first = reports.report_from_json(reports.report_to_json(screened(REFUSED, [])))
    assert first.sketch is not None
    assert screened(ANSWERED, []).verdict is Verdict.PASS
    earlier = EarlierJob(id="ftjob-1", verdict=first.verdict, sketch=first.sketch)
    assert screened(ANSWERED, [earlier]).verdict is Verdict.REVIEW


def test_other_detectors_and_unknown_settings_are_refused() -> None:
    with pytest.raises(TypeError, match="one kind"):
        LineageDetector().merge(DriftDetector())
    with pytest.raises(ValueError, match="TUNEGATE_LINEAGE_DEPTH"):
        create({"depth": "3"})
