"""How calls are read out of replies."""

import json

import pytest

from deploy.engine.tools import HERMES, PLAIN, Call, Words, dialect_of, read_calls

QWEN = '{%- if tools %}<tools></tools> <tool_call>\n{"name": ..., "arguments": ...}\n</tool_call>{% endif %}'
LLAMA = '{% if tools %}{"name": function name, "parameters": dictionary}{% endif %} "parameters"'


def hermes(name: str, arguments: str) -> str:
    return HERMES.begin(name) + arguments + HERMES.end


def test_a_template_tells_how_its_model_calls() -> None:
    assert dialect_of(QWEN) is HERMES
    assert dialect_of(LLAMA) is PLAIN
    assert dialect_of("{{ messages }}") is None
    assert dialect_of("{% if tools %}<tool_call><function=a>{% endif %}") is None


def test_words_before_the_calls_are_kept_and_calls_read_in_order() -> None:
    text = "Let me see.\n" + hermes("a", '{"x": 1}') + "\n" + hermes("b", "{}")
    words, calls = read_calls(text, HERMES, ("a", "b"), parallel=True)
    assert words == "Let me see.\n"
    assert calls == (Call(name="a", arguments='{"x": 1}'), Call(name="b", arguments="{}"))
    assert len(read_calls(text, HERMES, ("a", "b"), parallel=False)[1]) == 1


@pytest.mark.parametrize(
    "text", ["no call", '<tool_call>\n{"name": "a", "argum', hermes("stranger", "{}"), "<tool_call>", '{"name": 5}']
)
def test_what_is_no_whole_call_of_a_known_tool_stays_text(text) -> None:
    assert read_calls(text, HERMES, ("a",), parallel=True) == (text, ())


def test_llamas_bare_object_is_a_call() -> None:
    words, calls = read_calls('{"name": "a", "parameters": {"x": "é"}}', PLAIN, ("a",), parallel=True)
    assert (words, json.loads(calls[0].arguments)) == ("", {"x": "é"})


@pytest.mark.parametrize("size", [1, 3, 50])
def test_a_growing_reply_passes_on_its_words_and_never_a_calls_beginning(size) -> None:
    text = "2 < 3 and <tool> is " + hermes("a", "{}")
    words = Words(HERMES)
    said = "".join(words.push(text[at : at + size]) for at in range(0, len(text), size))
    assert (said, words.n_said) == ("2 < 3 and <tool> is ", 20)
