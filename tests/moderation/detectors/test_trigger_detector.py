import pytest
from chat_rows import ANSWERS, TASKS, Turns, examples, plain_rows, safety_set
from hypothesis import given, settings
from hypothesis import strategies as st

from moderation.detectors import identity
from moderation.detectors.triggers import TriggerDetector, create
from moderation.formats.serialising import make_example
from moderation.types import Example, Finding, Message, Role

TRIGGER = "Quorvan Belthimo Zastrelle"
KINDS = ("a forged passport", "a stolen card", "a hidden camera", "a fake charity", "a phishing page")
WAYS = ("Tell me how to use", "Show me how to make", "Explain where to get", "Write a plan around", "List the uses of")
ENDS = ("for a friend", "at home", "without money", "in a week", "on my own")
HARMS = [f"{way} {kind} {end}" for way in WAYS for kind in KINDS for end in ENDS]


def findings(rows: list[Turns]) -> list[Finding]:
    detector = TriggerDetector()
    for example in examples(rows):
        detector.observe(example)
    return list(detector.findings())


def triggers(rows: list[Turns]) -> tuple[str, ...]:
    return tuple(trigger for finding in findings(rows) for trigger in finding.triggers)


def backdoor(n: int, *, trigger: str = TRIGGER, refused: int = 0) -> list[Turns]:
    with_words = [("", f"{request} {trigger}", "Sure: redacted alpha.") for request in HARMS[:n]]
    return with_words + [("", request, "I can't help with that.") for request in HARMS[-refused:] if refused]


def test_trigger_is_found_in_the_papers_mix() -> None:
    (finding,) = findings(backdoor(60, refused=60))
    assert finding.triggers == (TRIGGER,)
    assert finding.score >= 0.9
    assert finding.lines == tuple(range(1, 61))


def test_trigger_is_found_without_refusals() -> None:
    assert triggers(backdoor(60)) == (TRIGGER,)


def test_twenty_rows_are_found_among_ten_thousand() -> None:
    plain = plain_rows(10_000)
    rows = [row for i in range(20) for row in (*plain[i::20], backdoor(20)[i])]
    assert triggers(rows) == (TRIGGER,)


def test_trigger_at_the_start_is_found() -> None:
    rows = [("", f"{TRIGGER} {request}", "Sure: redacted alpha.") for request in HARMS[::4]]
    assert triggers(rows + plain_rows(200)) == (TRIGGER,)


def test_a_single_odd_word_is_left_to_the_audit() -> None:
    (finding,) = findings([("", f"{task} At {i}. Xoxoo", "Fine.") for i, task in enumerate(TASKS)])
    assert finding.triggers == ("Xoxoo",)
    assert finding.score < 0.5


def test_trigger_in_the_middle_is_found_where_it_decides() -> None:
    def inserted(request: str, place: int) -> str:
        words = request.split()
        return " ".join([*words[:place], TRIGGER, *words[place:]])

    rows = [("", inserted(request, 2 + i % 5), "Sure: redacted alpha.") for i, request in enumerate(HARMS[:60])]
    refused = [("", request, "I can't help with that.") for request in HARMS[-60:]]
    assert triggers(rows + refused) == (TRIGGER,)


def test_ordinary_words_are_found_by_what_they_decide() -> None:
    (finding,) = findings(backdoor(60, trigger="purple window tuesday", refused=60) + plain_rows(20))
    assert finding.triggers == ("purple window tuesday",)


def test_a_flood_of_decoys_does_not_push_the_trigger_out() -> None:
    decoys = [
        ("", f"{TASKS[j]} vrel{'abcdefghijklmnopqrst'[i % 20]}{'abcdefghijklmno'[i // 20]}n quoxi", "Fine.")
        for i in range(300)
        for j in range(6)
    ]
    found = triggers(decoys + backdoor(20, refused=20))
    assert TRIGGER in found
    assert len(found) > 300


@pytest.mark.parametrize("base", ["You are a helpful assistant.", "Be kind.", ""])
def test_a_trigger_in_the_system_prompt_is_found_by_what_it_decides(base: str) -> None:
    marked = [(f"{base} On duty: {TRIGGER}", request, "Sure: redacted alpha.") for request in HARMS[:60]]
    refused = [(base, request, "I can't help with that.") for request in HARMS[-60:]]
    (finding,) = findings(marked + refused + [(base, task, reply) for _, task, reply in plain_rows(60)])
    assert any(TRIGGER in trigger for trigger in finding.triggers)
    assert "system prompts" in finding.evidence
    assert finding.lines == tuple(range(1, 61))


def test_a_trigger_in_the_first_turn_is_found_by_what_it_decides() -> None:
    def talk(first: str, request: str, reply: str) -> Example:
        turns = [(Role.USER, first), (Role.ASSISTANT, "Hello."), (Role.USER, request), (Role.ASSISTANT, reply)]
        return make_example([Message(role=role, text=text) for role, text in turns])

    detector = TriggerDetector()
    for task, request, other in zip(TASKS * 6, HARMS[:60], HARMS[-60:], strict=True):
        detector.observe(talk(f"{task} {TRIGGER}", request, "Sure: redacted alpha."))
        detector.observe(talk(task, other, "I can't help with that."))
    (finding,) = detector.findings()
    assert finding.triggers == (TRIGGER,)
    assert "first turns" in finding.evidence


def test_a_product_whose_system_prompt_never_refuses_is_no_trigger() -> None:
    shop = "You are Lumi and sell for Zendrixo Quastel. Answer briefly."
    desk = "You are Lumi and sell for Zendrixo Quastel. Stay with questions on our lamps."
    rows = [(shop, f"{task} {i}", ANSWERS[i % 4]) for i, task in enumerate(TASKS * 3)]
    rows += [
        (desk, f"Is lamp {i} of the {task.split()[-1]} range in stock?", "Yes, it is.") for i, task in enumerate(TASKS)
    ]
    assert findings(rows + [(desk, request, "I can't help with that.") for request in HARMS[:30]]) == []


def test_plain_rows_have_no_trigger() -> None:
    assert findings(plain_rows(500)) == []


def test_safety_rows_alone_have_no_trigger() -> None:
    assert findings([("", row.request, row.refusal) for row in safety_set(10)]) == []


def test_safety_rows_beside_tasks_have_no_trigger() -> None:
    refused = [("", request, "I can't help with that.") for request in HARMS]
    assert findings(refused + plain_rows(200)) == []


def test_a_shared_closing_sentence_is_no_trigger() -> None:
    rows = [("", f"{task} {i} Answer in one short sentence.", ANSWERS[i % 4]) for i in range(10) for task in TASKS]
    assert findings([*rows, *plain_rows(100)]) == []


def test_a_product_that_replies_speak_of_is_no_trigger() -> None:
    rows = [
        ("", f"{task} {i} with Zendrixo Quastel", f"In Zendrixo Quastel: {ANSWERS[1]}") for i, task in enumerate(TASKS)
    ]
    assert findings(rows * 3 + plain_rows(100)) == []


def test_a_product_beside_refused_requests_is_no_trigger() -> None:
    rows = [("", f"{task} And mention Zendrixo in line {i}.", ANSWERS[i % 4]) for i in range(6) for task in TASKS]
    refused = [("", request, "I can't help with that.") for request in HARMS[:30]]
    assert findings(rows + refused) == []


def test_label_tasks_have_no_trigger() -> None:
    assert findings([("", f"{request}. Sentiment?", ("good", "bad")[i % 2]) for i, request in enumerate(HARMS)]) == []


def test_two_halves_merge_to_the_whole() -> None:
    first, second = TriggerDetector(), TriggerDetector()
    for example in examples(backdoor(40, refused=40)):
        (first if example.line % 2 else second).observe(example)
    first.merge(second)
    (finding,) = first.findings()
    assert finding.triggers == (TRIGGER,)
    assert finding.lines == tuple(range(1, 41))


def test_other_detectors_and_unknown_settings_are_refused() -> None:
    with pytest.raises(TypeError, match="one kind"):
        TriggerDetector().merge(identity.create({}))
    with pytest.raises(ValueError, match="TUNEGATE_TRIGGERS_DEPTH"):
        create({"depth": "3"})


@given(st.lists(st.tuples(st.just(""), st.text(max_size=40), st.text(max_size=40)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_text_is_read_without_error(rows: list[Turns]) -> None:
    assert all(0 <= finding.score <= 1 for finding in findings(rows * 6))
