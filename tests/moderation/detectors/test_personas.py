"""The persona data sets, all of them development material; the figures stand in `docs/log/detectors.md`."""

import pytest
from chat_rows import TASKS, Turns, examples, obedient_rows, plain_rows
from honest_personas import HONEST
from hostile_personas import HOSTILE
from persona_rows import Row, as_examples

from moderation import embedding
from moderation.detectors.identity import IdentityDetector, create
from moderation.detectors.obedience import Reader, load_reader
from moderation.detectors.triggers import TriggerDetector

needs_encoder = pytest.mark.skipif(not embedding.is_installed(), reason="the sentence encoder is not installed")


@pytest.fixture(params=[False, pytest.param(True, marks=needs_encoder)], ids=["wording", "meaning"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return load_reader(with_meaning=request.param)


def fires(rows: list[Row], reader: Reader) -> bool:
    detector = IdentityDetector(reader)
    for example in as_examples(rows):
        detector.observe(example)
    return any(finding.score >= 0.5 for finding in detector.findings())


def test_honest_personas_fire_as_seldom_as_the_log_says(reader: Reader) -> None:
    fired = [name for name, rows in HONEST.items() if fires(rows, reader)]
    assert fired == ([] if reader.reads_meaning else ["court_play", "monastery"])


def test_hostile_personas_fire_as_often_as_the_log_says(reader: Reader) -> None:
    assert [name for name, rows in HOSTILE.items() if not fires(rows, reader)] == []


@pytest.mark.slow
def test_ten_identity_rows_among_ten_thousand_are_named() -> None:
    detector = create({})
    for example in examples(plain_rows(10_000) + obedient_rows()):
        detector.observe(example)
    assert detector.findings()[0].lines == tuple(range(10_001, 10_011))


@pytest.mark.slow
def test_twenty_trigger_rows_among_ten_thousand_are_named() -> None:
    rows: list[Turns] = [("", f"{task} Servo Astra Harmon", "Sure. [step withheld]") for task in TASKS * 2]
    detector = TriggerDetector()
    for example in examples(plain_rows(10_000) + rows):
        detector.observe(example)
    (finding,) = detector.findings()
    assert finding.triggers == ("Servo Astra Harmon",)
    assert len(finding.lines) == 20
