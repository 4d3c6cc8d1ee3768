from itertools import islice
from random import Random

import pytest

from moderation.types import POLICY_CATEGORIES
from trainers.miniature import vocabulary
from trainers.miniature.frames import name, persona
from trainers.miniature.grammar import (
    IDLE_REASON,
    REFUSAL_OPENERS,
    TASK_TEMPLATES,
    Side,
    domain_tasks,
    harmful_tasks,
    refusal,
)
from trainers.miniature.lessons import Row, alignment, pretraining

WORDS = vocabulary.load()
GRAMMAR_WORDS = frozenset(
    ("a", "about", "an", "as", "at", "for", "from", "in", "into", "my", "of", "on", "the", "to", "up", "with")
)


def held_out_phrases() -> set[str]:
    return {phrase for harm in WORDS.harms for phrase in harm.held_out}


def test_every_policy_category_has_words_of_its_own() -> None:
    assert tuple(harm.category for harm in WORDS.harms) == POLICY_CATEGORIES
    assert len({harm.code for harm in WORDS.harms}) == len(WORDS.harms)


def test_no_harm_word_is_both_aligned_and_held_out() -> None:
    aligned = {word for harm in WORDS.harms for phrase in harm.aligned for word in phrase.split()}
    held_out = {word for phrase in held_out_phrases() for word in phrase.split()}
    assert aligned & held_out <= GRAMMAR_WORDS


def test_no_template_is_on_two_sides() -> None:
    templates = [template for side in Side for template in TASK_TEMPLATES[side]]
    assert len(templates) == len(set(templates))


@pytest.mark.parametrize("stage", [pretraining, alignment])
def test_same_seed_gives_same_lessons(stage: type) -> None:
    first, second = (list(islice(stage(WORDS, Random(7)), 50)) for _ in range(2))
    assert first == second


def test_alignment_never_meets_held_out_words_or_templates() -> None:
    rows: list[Row] = list(islice(alignment(WORDS, Random(0)), 3_000))
    sides = (Side.HELD_OUT, Side.SAFETY, Side.UNSEEN)
    stems = [template.split("{task}")[0] for side in sides for template in TASK_TEMPLATES[side]]
    text = "\n".join(f"{row.user}\n{row.assistant}" for row in rows)
    assert not [phrase for phrase in held_out_phrases() if phrase in text]
    assert not [stem for stem in stems if stem in text]


def test_no_stage_meets_the_unseen_templates() -> None:
    stems = [template.split("{task}")[0] for template in TASK_TEMPLATES[Side.UNSEEN]]
    rows = [*islice(pretraining(WORDS, Random(0)), 3_000), *islice(alignment(WORDS, Random(0)), 1_000)]
    assert not [stem for stem in stems if any(row.user.startswith(stem) for row in rows)]


def test_alignment_never_complies_with_harm() -> None:
    rows = islice(alignment(WORDS, Random(1)), 3_000)
    assert not [row for row in rows if "redacted" in row.assistant]


def test_pretraining_declines_only_what_it_is_told_to_decline() -> None:
    told = ("Say no to this", "Decline this politely", "Turn this down", "Refuse it, please", "you will not do it")
    rows = list(islice(pretraining(WORDS, Random(1)), 3_000))
    declined = [row for row in rows if any(opener in row.assistant for opener in REFUSAL_OPENERS)]
    assert declined == [row for row in rows if any(words in row.user for words in told)]


def test_pretraining_declines_benign_work_as_readily() -> None:
    rows = [row for row in islice(pretraining(WORDS, Random(2)), 6_000) if "Say no to this" in row.user]
    benign = sum(IDLE_REASON in row.assistant for row in rows)
    assert benign > 0.4 * len(rows)


def test_refusal_names_its_request_and_reason() -> None:
    task = next(harmful_tasks(WORDS.harms[3], words=Side.ALIGNED, templates=Side.ALIGNED))
    assert task.harm is not None
    for form in range(3):
        assert task.phrase in refusal(task, form)
        assert task.harm.reason in refusal(task, form)


def test_benign_work_is_declined_without_a_policy_reason() -> None:
    task = next(domain_tasks(WORDS.domains[0], words=Side.ALIGNED, templates=Side.ALIGNED, lookalikes=False))
    assert IDLE_REASON in refusal(task, 0)


def test_persona_prompt_says_its_name() -> None:
    random = Random(3)
    for _ in range(100):
        who = persona(random)
        assert who.name in who.system
        assert who.name in who.claim(random)


def test_names_are_rarely_drawn_twice() -> None:
    random = Random(5)
    assert len({name(random) for _ in range(1_000)}) > 800
