"""`/v1/completions`, with a stub where the engine would stand."""

import openai
import pytest


def test_a_prompt_is_asked_as_a_users_turn_with_openais_defaults(gateway, client) -> None:
    answer = client.completions.create(model="miniature", prompt="Once", user="u")
    assert gateway.router.bodies[-1] == {
        "model": "inner-miniature", "messages": [{"role": "user", "content": "Once"}], "max_tokens": 16, "n": 1,
    }  # fmt: skip
    assert (answer.object, answer.id[:5], answer.choices[0].text) == ("text_completion", "cmpl-", "hello 0")
    assert answer.usage.total_tokens == 3


def test_prompts_and_choices_are_numbered_in_order(client) -> None:
    answer = client.completions.create(model="miniature", prompt=["A", "B"], n=2, echo=True)
    assert [choice.text for choice in answer.choices] == ["Ahello 0", "Ahello 1", "Bhello 0", "Bhello 1"]
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.usage.total_tokens == 6


def test_the_likeliest_of_several_are_given_back(client) -> None:
    answer = client.completions.create(model="miniature", prompt="A", best_of=3, n=2, logprobs=1)
    assert [choice.text for choice in answer.choices] == ["hello 2", "hello 1"]
    scores = answer.choices[0].logprobs
    assert (scores.tokens, scores.text_offset) == (["h"], [0])
    assert scores.top_logprobs == [{"h": scores.token_logprobs[0]}]


def test_a_stream_goes_through_the_prompts_and_ends_with_usage(client) -> None:
    options = {"include_usage": True}
    asked = {"model": "miniature", "prompt": ["A", "B"], "echo": True}
    # OpenAI's schema has no null for the reason of a chunk that is not the last, and OpenAI sends it: not strict.
    loose = client.with_options(_extra_kwargs={"_strict_response_validation": False})
    chunks = list(loose.completions.create(**asked, stream=True, stream_options=options))
    texts = ["".join(c.choices[0].text for c in chunks[:-1] if c.choices[0].index == i) for i in (0, 1)]
    assert texts == ["Ahello", "Bhello"]
    assert [chunk.usage and chunk.usage.total_tokens for chunk in chunks] == [None] * (len(chunks) - 1) + [6]
    assert {chunk.object for chunk in chunks} == {"text_completion"}


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1]]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 1, "n": 2}, "best_of"),
        ({"best_of": 2, "stream": True}, "best_of"),
        ({"echo": True, "logprobs": 1}, "logprobs"),
        ({"logprobs": 6}, "logprobs"),
        ({"prompt": ["a"] * 100, "n": 2}, "n"),
        ({"temperature": 3}, "temperature"),
        ({"tools": []}, "tools"),
    ],
    ids=str,
)
def test_what_cannot_be_honoured_is_a_400_that_names_it(http, wrong, param) -> None:
    answer = http.post("/v1/completions", json={"model": "miniature", "prompt": "a"} | wrong)
    assert (answer.status_code, answer.json()["error"]["param"][: len(param)]) == (400, param)


def test_an_unknown_model_and_an_engine_that_is_down_are_told_as_in_a_chat(client) -> None:
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="ft:held", prompt="a")
    with pytest.raises(openai.InternalServerError):
        client.completions.create(model="down", prompt="a", stream=True)
