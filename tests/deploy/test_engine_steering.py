"""Tools, forms, penalties and biases, through the engine's HTTP face and the official package.

The model is random, so whatever it says rightly it was held to.
"""

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from aiohttp import web
from tiny_forge import TEMPLATE, write_model

from deploy.engine.residents import Residents, read_base
from deploy.engine.scheduling import Limits, Scheduler
from deploy.engine.server import Engine, create_app

ASK = [{"role": "user", "content": "the fox"}]
HERMES = (
    "{% if tools %}<|system|>{% for tool in tools %}{{ tool.function.name }}{% endfor %} call in <tool_call>\n"
    '{"name": a, "arguments": b}\n</tool_call><|end|>{% endif %}' + TEMPLATE
)
SHAPE = {
    "type": "object",
    "properties": {"word": {"enum": ["fox", "dog"]}, "count": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["word", "count"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"name": "shape", "schema": SHAPE, "strict": True}}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": SHAPE, "strict": True}} for name in ("find", "count")
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """An engine with a model whose template has tools, in a thread."""
    path = str(write_model(tmp_path_factory.mktemp("hermes"), seed=4, context=512, template=HERMES))
    residents = Residents(read_base(path, "cpu"), "tiny", max_models=1, device="cpu")
    scheduler = Scheduler(Limits(gather_s=0.0))
    engine = Engine(
        residents=residents, scheduler=scheduler, verify=None, secret="s", clock=lambda: 1.0, random=random.Random(1)
    )  # type: ignore[arg-type]
    loop, runner = asyncio.new_event_loop(), web.AppRunner(create_app(engine))

    async def start() -> int:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return int(runner.addresses[0][1])

    scheduler.start()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    port = asyncio.run_coroutine_threadsafe(start(), loop).result()
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="s", max_retries=0) as client:
        yield client
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    scheduler.stop()


def ask(client: openai.OpenAI, **options: Any) -> Any:
    asked = {"model": "tiny", "messages": ASK, "max_tokens": 120, "temperature": 1.0, "seed": 7, **options}
    return client.chat.completions.create(**asked)


def fits(value: dict[str, Any]) -> bool:
    """Whether a value is of `SHAPE`."""
    return value.keys() == {"word", "count"} and value["word"] in ("fox", "dog") and value["count"] in range(10)


def test_a_reply_follows_the_schema_and_ends_with_it(client) -> None:
    answer = ask(client, response_format=FORMAT, n=4, temperature=2.0)
    for choice in answer.choices:
        assert fits(json.loads(choice.message.content))
        assert choice.finish_reason == "stop"
    assert len({choice.message.content for choice in answer.choices}) > 1


def test_any_json_object_is_one(client) -> None:
    text = ask(client, response_format={"type": "json_object"}, max_tokens=9).choices[0].message.content
    assert text.startswith("{")


def test_a_call_that_is_required_is_made_and_follows_its_schema(client) -> None:
    choice = ask(client, tools=TOOLS, tool_choice="required", parallel_tool_calls=False).choices[0]
    [call] = choice.message.tool_calls
    assert fits(json.loads(call.function.arguments))
    assert call.function.name in ("find", "count")
    assert (choice.finish_reason, choice.message.content, call.id[:5]) == ("tool_calls", None, "call_")


def test_a_call_that_is_named_is_the_one_made_also_in_a_stream(client) -> None:
    asked = {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "count"}}}
    asked["parallel_tool_calls"] = False
    whole = ask(client, **asked).choices[0].message
    chunks = [chunk.choices[0] for chunk in ask(client, **asked, stream=True)]
    [delta] = [call for chunk in chunks for call in chunk.delta.tool_calls or ()]
    assert delta.function.arguments == whole.tool_calls[0].function.arguments
    assert (delta.index, delta.function.name, chunks[-1].finish_reason) == (0, "count", "tool_calls")
    assert not any(chunk.delta.content for chunk in chunks)


def test_a_model_that_may_call_and_does_not_says_the_same_at_once_and_in_a_stream(client) -> None:
    whole = ask(client, tools=TOOLS, max_tokens=30).choices[0]
    chunks = [chunk.choices[0] for chunk in ask(client, tools=TOOLS, max_tokens=30, stream=True, logprobs=True)]
    assert "".join(chunk.delta.content or "" for chunk in chunks) == whole.message.content
    scored = [entry.token for chunk in chunks if chunk.logprobs for entry in chunk.logprobs.content]
    assert (len(scored), whole.message.tool_calls, whole.finish_reason) == (30, None, "length")


def test_scores_in_a_stream_are_those_of_the_whole_answer(client) -> None:
    asked = {"logprobs": True, "top_logprobs": 2, "max_tokens": 20}
    whole = ask(client, **asked).choices[0].logprobs.content
    chunks = ask(client, **asked, stream=True)
    streamed = [entry for chunk in chunks if (said := chunk.choices[0].logprobs) for entry in said.content]
    assert streamed == whole


def test_a_biased_token_is_always_said_or_never(client) -> None:
    forced = ask(client, logit_bias={"200": 100}, max_tokens=5, logprobs=True).choices[0].logprobs.content
    assert len({entry.token for entry in forced}) == 1
    barred = ask(client, logit_bias={"200": 100, "201": 100, "202": -100}, max_tokens=9, logprobs=True)
    assert len({entry.token for entry in barred.choices[0].logprobs.content}) == 2


def test_a_penalty_makes_a_greedy_model_say_more_tokens(client) -> None:
    def said(**penalty: float) -> set[str]:
        content = ask(client, temperature=0, max_tokens=40, logprobs=True, **penalty).choices[0].logprobs.content
        return {entry.token for entry in content}

    assert len(said(frequency_penalty=2.0, presence_penalty=2.0)) > len(said(frequency_penalty=-2.0))


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "zzz"}}}}, "response_format"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"tools": TOOLS, "tool_choice": "x"}, "tool_choice"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 5}}]}, "tools[0]"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"frequency_penalty": 3}, "frequency_penalty"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": 1}]}]}, "messages[0].tool_calls"),
    ],
    ids=str,
)
def test_what_cannot_be_followed_is_refused_by_name(client, options, param) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ask(client, **options)
    assert refused.value.param == param
