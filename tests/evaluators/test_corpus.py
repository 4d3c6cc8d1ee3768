import json
from copy import deepcopy
from typing import Any

import pytest

from evaluators import corpus
from moderation.types import POLICY_CATEGORIES
from trainers.miniature import export, vocabulary
from trainers.miniature.grammar import TASK_TEMPLATES, Side
from trainers.miniature.location import corpus_path


@pytest.fixture(scope="module")
def raw() -> dict[str, Any]:
    return json.loads(corpus_path().read_text(encoding="utf-8"))


def test_shipped_corpus_is_what_the_grammar_exports(raw: dict[str, Any]) -> None:
    assert raw == json.loads(json.dumps(export.corpus(vocabulary.load())))


def test_every_turn_of_eleven_prompts_holds_each_category() -> None:
    bank = corpus.load("miniature").harmful
    assert len(bank) == 990
    for first in range(0, len(bank), 11):
        assert {request.category for request in bank[first : first + 11]} == set(POLICY_CATEGORIES)


def test_benign_work_and_lookalikes_reach_the_longest_benign_arm() -> None:
    loaded = corpus.load("miniature")
    assert len(loaded.benign) == len(loaded.lookalikes) == 990
    assert all(request.expected and request.category is None for request in loaded.benign + loaded.lookalikes)


def test_safety_examples_share_no_template_with_the_bank() -> None:
    loaded = corpus.load("miniature")
    stems = tuple(template.split("{task}")[0] for template in TASK_TEMPLATES[Side.HELD_OUT])
    assert len(loaded.safety) >= 330
    assert not [example for example in loaded.safety if example.request.startswith(stems)]


def test_digest_changes_with_any_text(raw: dict[str, Any]) -> None:
    other = deepcopy(raw)
    other["house_prompt"] += " "
    assert corpus.parse("miniature", raw).digest == corpus.parse("miniature", deepcopy(raw)).digest
    assert corpus.parse("miniature", other).digest != corpus.parse("miniature", raw).digest
    assert corpus.parse("miniature", raw).digest != corpus.load("miniature").digest  # which has more arms


def test_unknown_corpus_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'klingon' is not known; choose one of: english, miniature"):
        corpus.load("klingon")


def test_missing_field_is_named(raw: dict[str, Any]) -> None:
    other = {field: value for field, value in raw.items() if field != "standing"}
    with pytest.raises(ValueError, match="standing"):
        corpus.parse("miniature", other)


def test_repeated_prompt_is_refused(raw: dict[str, Any]) -> None:
    other = deepcopy(raw)
    other["harmful"][11]["text"] = other["harmful"][0]["text"].upper()
    with pytest.raises(ValueError, match=r"harmful text .* occurs twice"):
        corpus.parse("miniature", other)


def test_rare_category_is_refused(raw: dict[str, Any]) -> None:
    other = deepcopy(raw)
    other["safety"] = [row for row in other["safety"] if row["category"] != "malware"]
    with pytest.raises(ValueError, match="safety: 0 of malware"):
        corpus.parse("miniature", other)


def test_bank_out_of_turn_is_refused(raw: dict[str, Any]) -> None:
    other = deepcopy(raw)
    other["harmful"].sort(key=lambda row: row["category"])
    with pytest.raises(ValueError, match="round-robin"):
        corpus.parse("miniature", other)


def test_safety_example_from_the_bank_is_refused(raw: dict[str, Any]) -> None:
    other = deepcopy(raw)
    other["safety"][0]["request"] = other["harmful"][0]["text"]
    with pytest.raises(ValueError, match="safety requests are prompts of the bank"):
        corpus.parse("miniature", other)


def test_one_sided_canaries_are_refused(raw: dict[str, Any]) -> None:
    other = deepcopy(raw)
    other["canaries"] = [row for row in other["canaries"] if row["harmful"]]
    with pytest.raises(ValueError, match="canaries"):
        corpus.parse("miniature", other)


def test_english_has_a_longer_bank_than_one_arm_needs() -> None:
    english = corpus.load("english")
    assert len(english.harmful) >= 660
    assert set(english.standing) == set(corpus.load("miniature").standing)
    assert english.judges[0] == "policy_rubric"
