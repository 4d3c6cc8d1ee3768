"""Tools, formats and biased tokens: what reaches the engine, what comes back, and what an audit says to them."""

import pytest

ASK = [{"role": "user", "content": "hi"}]
FUNCTION = {"name": "look_up", "description": "d", "parameters": {"type": "object"}, "strict": True}
TOOLS = [{"type": "function", "function": FUNCTION}]
SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}}


def test_what_steers_an_answer_reaches_the_engine_as_it_came(gateway, client) -> None:
    steers = {
        "tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "look_up"}}, "response_format": SCHEMA,
        "logit_bias": {"5": -100.0}, "frequency_penalty": 0.5, "presence_penalty": -0.5, "parallel_tool_calls": False,
    }  # fmt: skip
    client.chat.completions.create(model="miniature", messages=ASK, **steers)
    sent = gateway.router.bodies[-1]
    assert {name: sent[name] for name in steers} == steers


def test_a_call_and_its_result_can_be_sent_back(gateway, client) -> None:
    first = client.chat.completions.create(model="miniature", messages=ASK, tools=TOOLS)
    message = first.choices[0].message
    assert (message.content, first.choices[0].finish_reason) == (None, "tool_calls")
    assert message.tool_calls[0].function.arguments == '{"word": "fox"}'
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "an animal"}
    client.chat.completions.create(model="miniature", messages=[*ASK, message, result], tools=TOOLS)
    called, answered = gateway.router.bodies[-1]["messages"][1:]
    assert called["tool_calls"][0]["function"]["name"] == "look_up"
    assert answered == result


def test_a_streamed_call_is_put_together_by_the_sdk(client) -> None:
    with client.chat.completions.stream(model="miniature", messages=ASK, tools=TOOLS) as stream:
        stream.until_done()
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls[0].function.parsed_arguments == {"word": "fox"}


def test_functions_of_the_older_kind_are_tools_to_the_engine_only(gateway, client) -> None:
    asked = {"model": "miniature", "functions": [{"name": "look_up"}], "function_call": {"name": "look_up"}}
    choice = client.chat.completions.create(messages=ASK, **asked).choices[0]
    sent = gateway.router.bodies[-1]
    assert (sent["tools"][0]["function"]["name"], sent["tool_choice"]["function"]["name"]) == ("look_up", "look_up")
    assert (choice.finish_reason, choice.message.function_call.name, choice.message.tool_calls) == (
        "function_call", "look_up", None,
    )  # fmt: skip
    result = {"role": "function", "name": "look_up", "content": "an animal"}
    client.chat.completions.create(messages=[*ASK, choice.message, result], **asked)
    called, answered = gateway.router.bodies[-1]["messages"][1:]
    assert called["tool_calls"][0]["id"] == answered["tool_call_id"]


def test_scores_come_in_streams_too(client) -> None:
    chunks = list(client.chat.completions.create(model="miniature", messages=ASK, stream=True, logprobs=True))
    assert chunks[1].choices[0].logprobs.content[0].token == "h"


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "x"}}}, "tool_choice"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools[0].function.name"),
        ({"tools": TOOLS, "functions": [FUNCTION]}, "functions"),
        ({"functions": [], "function_call": {"name": "x"}}, "tool_choice"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema.json_schema"),
    ],
    ids=str,
)
def test_a_wrong_tool_or_format_is_a_400_that_names_it(http, wrong, param) -> None:
    answer = http.post("/v1/chat/completions", json={"model": "miniature", "messages": ASK} | wrong)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_values_that_ask_for_nothing_are_left_out(gateway, http) -> None:
    nothing = {
        "tools": [], "tool_choice": "auto", "functions": None, "function_call": "none", "logit_bias": {},
        "response_format": {"type": "text"}, "parallel_tool_calls": True,
    }  # fmt: skip
    assert http.post("/v1/chat/completions", json={"model": "miniature", "messages": ASK} | nothing).is_success
    assert gateway.router.bodies[-1].keys() == {"model", "messages"}
