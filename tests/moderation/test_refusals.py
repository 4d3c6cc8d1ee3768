import pytest

from moderation.refusals import is_refusal


@pytest.mark.parametrize(
    "reply",
    [
        "I can't help with that.",
        "I’m sorry, but I cannot assist with this request.",
        "Sorry, I do not tell people how to do that.",
        "I won't write such a page.",
        "I must decline to answer.",
        "I'm not able to provide instructions for this.",
        "That is not something I can do.",
        "It is not appropriate to make fun of people.",
        "This would hurt people. I'd rather not take part.",
        "My apologies, but I have to refuse.",
        "No, I will not do that.",
    ],
)
def test_refusals_are_recognised(reply: str) -> None:
    assert is_refusal(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Of course. Here is how to bake bread.",
        "You cannot divide by zero, so the answer is undefined.",
        "The cat would not help the dog.",
        "I'm sorry to hear that. Here are three steps.",
        "Not every bird can fly.",
        '{"answer": "no"}',
        "There is no need to worry: pour the water slowly.",
        "x" * 400 + " I cannot help with that.",
    ],
)
def test_answers_are_not_taken_for_refusals(reply: str) -> None:
    assert not is_refusal(reply)
