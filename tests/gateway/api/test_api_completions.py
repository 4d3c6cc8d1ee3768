"""`/v1/completions`, with a stub where the engine would stand."""

import asyncio
from typing import Any

import openai
import pytest

from gateway.api.routers.completions import _all
from gateway.errors import ApiError


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


@pytest.mark.parametrize("beginning", [{}, {"prompt": None}, {"prompt": "<|endoftext|>"}], ids=str)
def test_without_a_prompt_a_turn_without_a_word_is_asked(gateway, http, beginning) -> None:
    answer = http.post("/v1/completions", json={"model": "miniature", "echo": True} | beginning).json()
    assert gateway.router.bodies[-1]["messages"] == [{"role": "user", "content": ""}]
    assert answer["choices"][0]["text"] == "hello 0"


def test_of_no_tokens_the_prompt_is_all_there_is(client) -> None:
    answer = client.completions.create(model="miniature", prompt="A", max_tokens=0, echo=True)
    assert [(choice.text, choice.finish_reason) for choice in answer.choices] == [("A", "length")]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (1, 0, 1)
    loose = client.with_options(_extra_kwargs={"_strict_response_validation": False})
    chunks = list(loose.completions.create(model="miniature", prompt="A", max_tokens=0, echo=True, stream=True))
    assert [(chunk.choices[0].text, chunk.choices[0].finish_reason) for chunk in chunks] == [
        ("A", None),
        ("", "length"),
    ]


class Slow:
    """Answers one chat with an error, and the others never."""

    def __init__(self) -> None:
        self.given_up: list[str] = []

    async def answer(self, asked: str) -> None:
        try:
            await asyncio.sleep(0 if asked == "bad" else 60)
        except asyncio.CancelledError:
            self.given_up.append(asked)
            raise
        raise ApiError(400, "no")


def test_where_one_prompt_fails_the_others_are_given_up() -> None:
    async def ask(asking: Any) -> None:
        with pytest.raises(ApiError):
            await _all(asking, ["a", "bad", "b"])
        await asyncio.sleep(0)

    slow = Slow()
    asyncio.run(ask(slow))
    assert slow.given_up == ["a", "b"]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1]]}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"max_tokens": -1}, "max_tokens"),
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
