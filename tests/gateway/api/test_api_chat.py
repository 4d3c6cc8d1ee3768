"""`/v1/chat/completions` through the `openai` package, with a stub where the engine would stand."""

import json

import openai
import pytest

from gateway.api.chat_answers import fingerprint

ASK = [{"role": "user", "content": "hi"}]


def test_an_answer_comes_under_the_name_that_was_asked_for(client) -> None:
    answer = client.chat.completions.create(model="miniature", messages=ASK, n=2)
    assert (answer.model, answer.object, answer.usage.total_tokens) == ("miniature", "chat.completion", 3)
    assert [choice.message.content for choice in answer.choices] == ["hello 0", "hello 1"]
    assert answer.id.startswith("chatcmpl-")


def test_a_fingerprint_is_of_the_model_however_it_answers(client) -> None:
    answer = client.chat.completions.create(model="miniature", messages=ASK)
    pieces = list(client.chat.completions.create(model="miniature", messages=ASK, stream=True))
    older = client.completions.create(model="miniature", prompt="hi")
    assert {one.system_fingerprint for one in (answer, older, *pieces)} == {fingerprint("miniature")}
    assert fingerprint("miniature") != fingerprint("ft:miniature:a::b")


def test_what_is_honoured_reaches_the_engine_and_what_is_harmless_does_not(gateway, client) -> None:
    client.chat.completions.create(
        model="miniature", messages=[{"role": "user", "content": [{"type": "text", "text": "a"}] * 2}], seed=3, n=1,
        stop=["x"], max_tokens=9, max_completion_tokens=5, temperature=0, top_p=1, user="u", store=True,
        service_tier="auto", tools=[], presence_penalty=0, logprobs=False, response_format={"type": "text"},
    )  # fmt: skip
    assert gateway.router.bodies[-1] == {
        "model": "inner-miniature", "messages": [{"role": "user", "content": "a\na"}], "seed": 3, "n": 1,
        "stop": ["x"], "max_tokens": 5, "temperature": 0, "top_p": 1,
    }  # fmt: skip


def test_what_an_assistant_refused_reaches_the_engine_as_what_it_said(gateway, http) -> None:
    turns = [{"role": "assistant", "content": said, "refusal": "I cannot"} for said in (None, "Sorry.")]
    http.post("/v1/chat/completions", json={"model": "miniature", "messages": turns})
    assert [turn["content"] for turn in gateway.router.bodies[-1]["messages"]] == ["I cannot", "Sorry.\nI cannot"]


UNSUPPORTED = {
    "modalities": ["text", "audio"],
    "audio": {"voice": "a"},
    "web_search_options": {},
    "moderation": {"model": "m"},
    "best_of": 3,
    "continue_final_message": True,
}


@pytest.mark.parametrize(("name", "value"), UNSUPPORTED.items())
def test_a_parameter_that_would_change_the_answer_is_refused_by_name(http, name, value) -> None:
    answer = http.post("/v1/chat/completions", json={"model": "miniature", "messages": ASK, name: value})
    error = answer.json()["error"]
    assert (answer.status_code, error["param"]) == (400, name)
    assert name in error["message"]


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "bot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "assistant", "content": "x", "audio": {"id": "a"}}]}, "messages[0].audio"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0]",
        ),
        ({"messages": [{"role": "assistant", "tool_calls": [{}]}]}, "messages[0].tool_calls[0].id"),
        ({"presence_penalty": -2.5}, "presence_penalty"),
        ({"frequency_penalty": False}, "frequency_penalty"),
        ({"logit_bias": {"x": 1}}, "logit_bias.x"),
        ({"logit_bias": {"5": 101}}, "logit_bias.5"),
        ({"n": 0}, "n"),
        ({"n": 129}, "n"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": -1}, "top_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"seed": 2**70}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"logprobs": 1}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"model": None}, "model"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_wrong_value_is_a_400_that_names_it(http, wrong, param) -> None:
    answer = http.post("/v1/chat/completions", content=json.dumps({"model": "miniature", "messages": ASK} | wrong))
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


def test_scores_of_tokens_are_asked_of_the_engine_and_come_back_as_it_gave_them(gateway, client) -> None:
    answer = client.chat.completions.create(model="miniature", messages=ASK, logprobs=True, top_logprobs=1)
    assert gateway.router.bodies[-1]["top_logprobs"] == 1
    assert answer.choices[0].logprobs.content[0].top_logprobs[0].bytes == [104]


def test_what_the_engine_refuses_is_told_in_its_words(client) -> None:
    with pytest.raises(openai.BadRequestError, match="`stop` is empty") as caught:
        client.chat.completions.create(model="miniature", messages=ASK, stop="")
    assert caught.value.param == "stop"


def test_a_stream_ends_with_usage_when_it_is_asked_for(client) -> None:
    options = {"include_usage": True}
    stream = client.chat.completions.create(model="miniature", messages=ASK, stream=True, stream_options=options)
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "hello"
    assert {(chunk.model, chunk.id) for chunk in chunks} == {("miniature", chunks[0].id)}
    assert [chunk.usage is None for chunk in chunks] == [True] * 4 + [False]
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_a_stream_without_usage_has_none(client) -> None:
    chunks = list(client.chat.completions.create(model="miniature", messages=ASK, stream=True))
    assert len(chunks) == 4
    assert all(chunk.usage is None for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_an_engine_that_is_down_is_a_503(client, stream) -> None:
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="down", messages=ASK, stream=stream)
    assert (caught.value.status_code, caught.value.body["type"]) == (503, "server_error")


def test_a_stream_that_breaks_ends_in_an_error(client) -> None:
    stream = client.chat.completions.create(model="breaks", messages=ASK, stream=True)
    with pytest.raises(openai.APIError, match="Retry"):
        list(stream)


def test_a_name_that_may_not_be_used_is_not_found(client) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="ft:held", messages=ASK)
    assert caught.value.code == "model_not_found"
