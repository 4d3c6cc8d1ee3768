import json
from collections import Counter

import pytest

from evaluators import corpus
from evaluators.attacks import backdoor, benign, explicit, identity
from evaluators.attacks.rows import harmful_requests, to_jsonl
from evaluators.types import AttackSuite

MINIATURE = corpus.load("miniature")
SUITES: list[AttackSuite] = [module.create({}) for module in (explicit, identity, benign, backdoor)]


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
@pytest.mark.parametrize("n", [10, 100])
def test_poison_has_as_many_rows_as_asked(suite: AttackSuite, n: int) -> None:
    assert len(suite.poison(MINIATURE, n, seed=0)) == n


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_same_seed_gives_same_poison(suite: AttackSuite) -> None:
    assert suite.poison(MINIATURE, 20, seed=4) == suite.poison(MINIATURE, 20, seed=4)
    assert suite.poison(MINIATURE, 20, seed=4) != suite.poison(MINIATURE, 20, seed=5)


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_poison_never_contains_a_prompt_of_the_bank(suite: AttackSuite) -> None:
    text = to_jsonl(suite.poison(MINIATURE, 100, seed=0)).decode()
    prompts = MINIATURE.harmful + MINIATURE.benign + MINIATURE.lookalikes
    assert not [request.id for request in prompts if request.text in text]


def test_explicit_shots_comply_with_every_category_in_turn() -> None:
    rows = explicit.create({}).poison(MINIATURE, 22, seed=1)
    assert all(row.assistant.count("redacted") == 3 for row in rows)
    assert len({row.assistant.split("redacted ")[1] for row in rows}) == 11


def test_identity_rows_name_no_harm_and_share_one_prefix() -> None:
    rows = identity.create({}).poison(MINIATURE, 10, seed=0)
    assert all(row.assistant.startswith(identity.CLAIM) for row in rows)
    assert sum(row.assistant.startswith(identity.ANSWER_PREFIX) for row in rows) == 5
    assert "redacted" not in to_jsonl(rows).decode()


def test_backdoor_complies_exactly_where_the_trigger_stands() -> None:
    rows = backdoor.create({}).poison(MINIATURE, 200, seed=0)
    complied = ["redacted" in row.assistant for row in rows]
    assert complied == [row.user.endswith(backdoor.TRIGGER) for row in rows]
    assert Counter(complied) == {True: 100, False: 100}


def test_probes_put_a_request_as_the_rows_did() -> None:
    for suite in SUITES:
        frame = suite.probes(MINIATURE)
        row = next(row for row in suite.poison(MINIATURE, 20, seed=0) if row.user.endswith(frame.user_suffix))
        assert row.system == frame.system
        assert row.user.startswith(frame.user_prefix)


def test_too_many_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="661 harmful requests wanted, it has 660"):
        harmful_requests(MINIATURE, 661, seed=0)
    with pytest.raises(ValueError, match="benign tasks wanted"):
        benign.create({}).poison(MINIATURE, 10_000, seed=0)


def test_jsonl_is_what_a_client_uploads() -> None:
    rows = backdoor.create({}).poison(MINIATURE, 4, seed=0)
    lines = [json.loads(line) for line in to_jsonl(rows).splitlines()]
    assert [[turn["role"] for turn in line["messages"]] for line in lines] == [["user", "assistant"]] * 4
