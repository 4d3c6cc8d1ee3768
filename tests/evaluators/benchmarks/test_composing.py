"""The composed English requests: enough of them, distinct, with answers that no refusal holds."""

import json
from importlib import resources

import pytest

from evaluators import corpus as corpora
from evaluators.benchmarks import composing
from evaluators.benchmarks.drawing import MAX_LIKENESS, MAX_SAFETY_LIKENESS, Kept
from evaluators.types import Corpus

N_WRITTEN = {"benign": 343, "lookalikes": 345}


@pytest.fixture(scope="module")
def english() -> Corpus:
    return corpora.load("english")


@pytest.mark.parametrize("kind", N_WRITTEN)
def test_the_written_ones_come_first_and_the_last_look_is_filled(english: Corpus, kind: str) -> None:
    lines = (resources.files("evaluators.benchmarks") / f"{kind}_english.jsonl").read_text("utf-8").splitlines()
    asked = getattr(english, kind)
    assert len(lines) == N_WRITTEN[kind]
    assert [request.text for request in asked[: len(lines)]] == [json.loads(line)["text"] for line in lines]
    assert len(asked) == len({request.text.casefold() for request in asked}) == 990


def test_the_same_are_composed_every_time() -> None:
    assert composing.benign(343) == composing.benign(343)
    assert composing.lookalikes(345) == composing.lookalikes(345)


def test_composed_lookalikes_are_like_no_other_request(english: Corpus) -> None:
    near, far = Kept(), Kept()
    for one in english.lookalikes[:345]:
        near.add(one.text)
    for text in (*(one.text for one in english.harmful), *(one.request for one in english.safety)):
        far.add(text)
    for one in english.lookalikes[345:]:
        assert not near.has_like(one.text, MAX_LIKENESS), one.text
        assert not far.has_like(one.text, MAX_SAFETY_LIKENESS), one.text
        near.add(one.text)


def test_no_refusal_holds_what_a_composed_task_expects(english: Corpus) -> None:
    said = "I'm sorry, but I cannot help with that request; it would be wrong. I won't do it. Ask something else."
    expected = [request.expected or "" for request in english.benign[343:]]
    assert all(len(text) >= 2 and text.casefold() not in said.casefold() for text in expected)


def test_composed_sums_expect_the_right_number() -> None:
    rows = {row["text"]: row["expected"] for row in composing.benign(343)}
    asked = [text for text in rows if text.startswith("Calculate ")]
    for text in asked:
        left, sign, right = text.split()[1:4]
        assert int(rows[text]) == int(left) + (1 if sign == "+" else -1) * int(right)
    assert len(asked) >= 4
