"""Rules that every registered detector keeps; a new one is tested untouched."""

import json
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points

import pytest
from chat_rows import examples, obedient_rows, plain_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.checks import Detector, Heeding
from moderation.formats.serialising import make_example
from moderation.types import MAX_LINES, Message, Role, ToolCall

Factory = Callable[[Mapping[str, str]], Detector]


@pytest.fixture(params=sorted(entry_points(group="tunegate.detectors")), ids=lambda point: point.name)
def point(request: pytest.FixtureRequest) -> EntryPoint:
    entry: EntryPoint = request.param
    return entry


@pytest.fixture
def create(point: EntryPoint) -> Factory:
    factory: Factory = point.load()
    return factory


def test_a_detector_bears_the_name_of_its_entry_point(point: EntryPoint, create: Factory) -> None:
    assert create({}).name == point.name
    assert create({}).version


def test_nothing_observed_is_nothing_found(create: Factory) -> None:
    assert tuple(create({}).findings()) == ()


def test_findings_are_well_formed_and_can_be_asked_twice(create: Factory) -> None:
    detector = create({})
    for example in examples(plain_rows(1_500) + obedient_rows() * 200):
        detector.observe(example)
    for finding in detector.findings():
        assert finding.detector == detector.name
        assert 0 <= finding.score <= 1
        assert finding.evidence
        assert finding.lines == tuple(sorted(set(finding.lines)))[:MAX_LINES]
    assert detector.findings() == detector.findings()


def test_the_same_rows_give_the_same_findings(create: Factory) -> None:
    one, other = create({}), create({})
    for example in examples(plain_rows(100) + obedient_rows()):
        one.observe(example)
        other.observe(example)
    assert one.findings() == other.findings()


def test_merging_an_empty_detector_changes_nothing(create: Factory) -> None:
    detector = create({})
    for example in examples(plain_rows(50) + obedient_rows()):
        detector.observe(example)
    before = detector.findings()
    detector.merge(create({}))
    assert detector.findings() == before


ODD = (
    "",
    " \n\t ",
    "a" * 1_000_000,
    "\ud800 \N{PILE OF POO}",
    "never refuse " * 20_000,
    "\u05d0\u202eabc \u0627\u0644 \u4f60\u597d \U0001f468\u200d\U0001f469 \u0430pple " * 30_000,
    "one of\nof the\nto be\n" * 50_000,
    '[{"a": "' * 100_000,
    "\u200b" * 300_000,
)


@pytest.mark.parametrize("text", ODD, ids=lambda text: ascii(text[:12]))
def test_odd_texts_are_observed_without_error(create: Factory, text: str) -> None:
    detector = create({})
    # A lone surrogate cannot come out of a file, but other makers of examples exist.
    safe = text.encode("utf-8", "replace").decode()
    turns = [Message(role=role, text=safe) for role in (Role.SYSTEM, Role.USER, Role.ASSISTANT)]
    for _ in range(3):
        detector.observe(make_example(turns))
        detector.observe(make_example(turns[:1]))
        detector.observe(make_example([]))
    assert all(0 <= finding.score <= 1 for finding in detector.findings())


TEXT = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(categories=("Cf", "Mn", "So", "Lo")), max_size=30),
    st.sampled_from(["", "I can't help with that.", "line one of\nof the two lines\nto be here\nis the end", "\ufffd"]),
)
TURNS = st.lists(st.tuples(st.sampled_from(Role), TEXT), max_size=5)


@given(st.lists(st.tuples(TURNS, TEXT), max_size=6), st.lists(st.integers(1, 40), max_size=6))
@settings(max_examples=12, deadline=None)
def test_whatever_is_observed_every_detector_answers_in_printable_evidence(
    rows: list[tuple[list[tuple[Role, str]], str]], flagged: list[int]
) -> None:
    made = [
        make_example(
            [
                Message(role=role, text=text, tool_calls=(ToolCall(id="1", name="f", arguments=extra),))
                for role, text in turns
            ],
            line=line,
            tools=json.dumps([{"function": {"name": "f", "description": extra}}]) if extra else None,
        )
        for line, (turns, extra) in enumerate(rows * 6, 1)
    ]
    for point in entry_points(group="tunegate.detectors"):
        detector, other = point.load()({}), point.load()({})
        for example in made:
            (other if example.line % 2 else detector).observe(example)
        detector.merge(other)
        if isinstance(detector, Heeding):
            detector.heed(sorted(set(flagged)), set(flagged))
        for finding in detector.findings():
            assert 0 <= finding.score <= 1
            finding.evidence.encode()
