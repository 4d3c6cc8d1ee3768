"""A slow classifier beside a fast one: what it reads, and what the report says of it."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from random import Random

import pytest
from chat_rows import dataset, jsonl, plain_rows, stream

from moderation.checks import Classifier, Detector
from moderation.formats.parsing import parse
from moderation.screening.cascade import Chooser, budget
from moderation.screening.policies import CheckPolicy, ScreeningPolicy
from moderation.screening.reports import report_from_json, report_to_json
from moderation.screening.run import screen
from moderation.types import Action, Category, Example, Finding, ScreeningReport, Verdict

FAST = CheckPolicy(action=Action.BLOCK, threshold=0.7)


class Scorer:
    """Scores rows by a word of theirs, and remembers what it read."""

    version = "1"

    def __init__(self, name: str, scores: Mapping[str, float]) -> None:
        self.name = name
        self.scores = scores
        self.read: list[int] = []

    def classify(self, examples: Sequence[Example]) -> Sequence[Mapping[Category, float]]:
        self.read += [example.line for example in examples]
        texts = [" ".join(message.text for message in example.messages) for example in examples]
        return [{Category.MALWARE: max(v for k, v in self.scores.items() if k in text)} for text in texts]


def screened(
    n: int,
    odd: Mapping[int, str],
    slow: CheckPolicy,
    *given: Classifier,
    fast: CheckPolicy = FAST,
    detector: Detector | None = None,
) -> ScreeningReport:
    watchers = [] if detector is None else [detector]
    rows = [(s, f"{r} {odd.get(line, '')}", a) for line, (s, r, a) in enumerate(plain_rows(n), 1)]
    return screen(
        dataset(rows),
        policy=ScreeningPolicy(
            classifiers={"fast": fast, "slow": slow},
            detectors={one.name: CheckPolicy(action=Action.RECORD) for one in watchers},
        ),
        policy_digest="sha256:x",
        classifiers=given,
        detectors=watchers,
        draw=Random(1).random,
    )


def share(value: float, **other: int | bool) -> CheckPolicy:
    return CheckPolicy(action=Action.BLOCK, threshold=0.5, share=value, **other)  # type: ignore[arg-type]


def test_doubtful_rows_are_read_first_and_the_rest_is_drawn() -> None:
    fast, slow = Scorer("fast", {"": 0.01, "dubious": 0.4}), Scorer("slow", {"": 0.0, "dubious": 0.9})
    report = screened(400, {7: "dubious", 390: "dubious"}, share(0.05), fast, slow)
    assert {7, 390} <= set(slow.read)
    assert len(slow.read) == 20
    assert report.verdict is Verdict.BLOCK
    assert report.flagged_lines == (7, 390)
    assert (report.coverage[1].n_read, report.coverage[1].n_doubtful, report.coverage[1].n_drawn) == (20, 2, 18)


def test_a_small_file_is_read_whole_by_every_classifier() -> None:
    fast, slow = Scorer("fast", {"": 0.01}), Scorer("slow", {"": 0.0})
    report = screened(30, {}, share(0.01, min_examples=30), fast, slow)
    assert slow.read == list(range(1, 31))
    assert report.screened_by == ("fast@1", "slow@1")


def test_a_classifier_that_read_a_share_is_not_said_to_have_read_the_file() -> None:
    report = screened(100, {}, share(0.1), Scorer("fast", {"": 0.01}), Scorer("slow", {"": 0.0}))
    assert report.screened_by == ("fast@1",)
    assert report.coverage[1].check == "slow@1"
    assert report.coverage[0].n_read == 100


def test_decoys_that_look_doubtful_leave_a_quarter_to_chance() -> None:
    fast, slow = Scorer("fast", {"": 0.0, "decoy": 0.6}), Scorer("slow", {"": 0.0})
    report = screened(400, dict.fromkeys(range(1, 300), "decoy"), share(0.1), fast, slow)
    assert (report.coverage[1].n_doubtful, report.coverage[1].n_drawn) == (30, 10)


def test_a_row_flagged_by_both_is_counted_once() -> None:
    fast, slow = Scorer("fast", {"": 0.0, "bad": 0.9}), Scorer("slow", {"": 0.0, "bad": 0.9})
    assert screened(100, {5: "bad"}, share(0.1), fast, slow).n_flagged == 1


def test_an_optional_classifier_that_is_missing_is_named_in_the_report() -> None:
    report = screened(20, {}, share(0.1, optional=True), Scorer("fast", {"": 0.0}))
    assert report.verdict is Verdict.PASS
    assert (report.coverage[1].check, report.coverage[1].n_read) == ("slow", 0)
    assert "fast served without it, which is weaker" in report.coverage[1].note


def test_a_classifier_that_is_missing_and_not_optional_stops_screening() -> None:
    with pytest.raises(ValueError, match="slow"):
        screened(20, {}, share(0.1), Scorer("fast", {"": 0.0}))


def test_shares_alone_do_not_make_a_screening() -> None:
    policy = ScreeningPolicy(classifiers={"slow": share(0.1)}, detectors={})
    with pytest.raises(ValueError, match="nobody reads"):
        screen(
            dataset(plain_rows(100)),
            policy=policy,
            policy_digest="x",
            classifiers=[Scorer("slow", {"": 0.0})],
            detectors=[],
        )


def test_coverage_survives_the_report_as_json() -> None:
    report = screened(100, {}, share(0.1), Scorer("fast", {"": 0.01}), Scorer("slow", {"": 0.0}))
    assert report_from_json(report_to_json(report)) == report


def test_every_line_is_drawn_equally_often() -> None:
    counts = [0] * 10
    draw = Random(3).random
    for _ in range(2_000):
        chooser = Chooser(2, draw)
        for line in range(10):
            chooser.observe(line, 0.0, flagged=False)
        for line in chooser.choice().lines:
            counts[line] += 1
    assert all(330 < count < 470 for count in counts)  # 400 each, 18 is one standard deviation


def test_a_budget_is_a_share_with_a_floor_and_never_more_than_the_file() -> None:
    policy = share(0.02, min_examples=256)
    assert [budget(policy, n) for n in (10, 256, 10_000, 1_000_000)] == [10, 256, 256, 20_000]


class Seer(Scorer):
    reads_images = True


PICTURE, ADDRESS = "data:image/png;base64,aGk=", "https://example.org/a.png"


@pytest.mark.parametrize(
    ("reader", "url", "words"),
    [
        (Scorer, PICTURE, "no classifier read"),
        (Scorer, ADDRESS, "no classifier read"),
        (Seer, PICTURE, ""),
        (Seer, ADDRESS, "data URLs"),
    ],
)
def test_images_pass_only_where_a_classifier_read_what_will_be_trained_on(
    reader: type[Scorer], url: str, words: str
) -> None:
    image = {"type": "image_url", "image_url": {"url": url}}
    user = {"role": "user", "content": [{"type": "text", "text": "look"}, image]}
    row = {"messages": [user, {"role": "assistant", "content": "a cat"}]}
    report = screen(
        parse(stream(jsonl([row] * 10))),
        policy=ScreeningPolicy(classifiers={"fast": FAST}, detectors={}),
        policy_digest="x",
        classifiers=[reader("fast", {"": 0.0})],
        detectors=[],
    )
    assert report.verdict is (Verdict.REVIEW if words else Verdict.PASS)
    assert all(words in reason for reason in report.reasons)


CLEARED = replace(FAST, max_flagged=2, cleared_by="slow")
ODD = dict.fromkeys(range(10, 18), "dubious")


@pytest.mark.parametrize(("agrees", "verdict"), [(0.1, Verdict.PASS), (0.9, Verdict.BLOCK)])
@pytest.mark.parametrize("part", [1.0, 0.5], ids=["reads all", "reads a share"])
def test_a_classifier_that_reads_better_clears_what_it_does_not_flag(
    agrees: float, verdict: Verdict, part: float
) -> None:
    fast, slow = Scorer("fast", {"": 0.01, "dubious": 0.8}), Scorer("slow", {"": 0.0, "dubious": agrees})
    report = screened(40, ODD, share(part, max_flagged=2), fast, slow, fast=CLEARED)
    assert (report.verdict, report.n_flagged) == (verdict, 8)


class Heeder:
    """A detector that keeps what it is told of the flagged lines."""

    name, version = "jailbreak_frames", "1"

    def observe(self, example: Example) -> None:
        """Look at nothing."""

    def merge(self, other: Detector) -> None:
        """Have nothing to take in."""

    def findings(self) -> list[Finding]:
        return []

    def heed(self, lines: Sequence[int], standing: Set[int]) -> None:
        self.heard = list(lines), sorted(standing)


@pytest.mark.parametrize("part", [1.0, 0.5], ids=["reads all", "reads a share"])
def test_detectors_are_told_which_flagged_lines_nobody_cleared(part: float) -> None:
    fast, slow = Scorer("fast", {"": 0.01, "dubious": 0.8}), Scorer("slow", {"": 0.0, "dubious": 0.1})
    heeder = Heeder()
    screened(40, ODD, share(part, max_flagged=2), fast, slow, fast=CLEARED, detector=heeder)
    assert heeder.heard == (sorted(ODD), [])


def test_what_the_better_reader_did_not_read_still_counts() -> None:
    fast, slow = Scorer("fast", {"": 0.01, "dubious": 0.8}), Scorer("slow", {"": 0.0})
    report = screened(40, ODD, share(0.1), fast, slow, fast=CLEARED)
    assert report.verdict is Verdict.BLOCK
    assert "3 of them were cleared by slow" in report.reasons[0]
