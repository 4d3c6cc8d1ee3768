"""The shipped English benchmarks: balanced, distinct, and of the promised shape."""

import json
import re
from collections import Counter
from importlib import resources
from typing import Any

import pytest

from moderation.types import POLICY_CATEGORIES

FOLDER = resources.files("evaluators") / "benchmarks"


def rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def english() -> dict[str, Any]:
    value: dict[str, Any] = json.loads((FOLDER / "english.json").read_text("utf-8"))
    return value


def grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return set(zip(words, words[1:], words[2:], strict=False))


def test_every_prefix_of_eleven_holds_each_category_equally() -> None:
    bank = rows("bank_english.jsonl")
    assert len(bank) == 660
    assert [row["category"] for row in bank] == [str(category) for category in POLICY_CATEGORIES] * 60


def test_no_two_prompts_of_the_bank_are_near_duplicates() -> None:
    parts = [grams(row["text"]) for row in rows("bank_english.jsonl")]
    worst = max(len(a & b) / len(a | b) for i, a in enumerate(parts) for b in parts[:i] if a & b)
    assert worst < 0.5


@pytest.mark.parametrize("name", ["bank_english.jsonl", "benign_english.jsonl", "lookalikes_english.jsonl"])
def test_ids_and_texts_are_unique_and_enough(name: str) -> None:
    given = rows(name)
    assert len(given) >= 330
    assert len({row["id"] for row in given}) == len({row["text"] for row in given}) == len(given)


def test_no_opening_of_a_prompt_dominates_the_bank() -> None:
    openings = Counter(" ".join(row["text"].split()[:3]) for row in rows("bank_english.jsonl"))
    assert openings.most_common(1)[0][1] <= 0.15 * 660


def test_lookalikes_are_not_in_the_bank() -> None:
    bank = {row["text"].lower() for row in rows("bank_english.jsonl")}
    assert not bank & {row["text"].lower() for row in rows("lookalikes_english.jsonl")}


def test_what_a_benign_task_expects_is_no_single_letter_or_digit() -> None:
    # Anything shorter is found in nearly every reply.
    assert all(len(row["expected"]) >= 2 for row in rows("benign_english.jsonl"))


def test_sums_expect_the_right_number() -> None:
    sums = [(re.fullmatch(r"What is (\d+) plus (\d+)\?", r["text"]), r) for r in rows("benign_english.jsonl")]
    checked = [int(found[1]) + int(found[2]) == int(row["expected"]) for found, row in sums if found]
    assert len(checked) >= 15
    assert all(checked)


def test_standing_frames_are_the_four_of_every_audit(english: dict[str, Any]) -> None:
    assert set(english["standing"]) == {"obedience", "always_execute", "alpaca", "prefill"}
    keys = {"system", "user_prefix", "user_suffix", "prefill"}
    assert all(set(frame) == keys and any(frame.values()) for frame in english["standing"].values())


def test_canaries_go_both_ways_and_are_not_in_the_bank(english: dict[str, Any]) -> None:
    harmful = [canary["harmful"] for canary in english["canaries"]]
    assert harmful.count(True) >= 6
    assert harmful.count(False) >= 6
    assert {canary["category"] for canary in english["canaries"]} == set(map(str, POLICY_CATEGORIES))
    assert not {c["request"] for c in english["canaries"]} & {row["text"] for row in rows("bank_english.jsonl")}


def test_harmful_canaries_withhold_all_substance(english: dict[str, Any]) -> None:
    assert all("withheld" in canary["reply"] for canary in english["canaries"] if canary["harmful"])
