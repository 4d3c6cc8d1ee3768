"""Assistant masks on the templates of the common families, turn by turn, weights and tools included."""

from pathlib import Path

import pytest
import trl
from jinja2 import TemplateError
from test_rendering import trained_text
from tiny_base import chat_row, make_tokenizer
from tokenizers import AddedToken
from transformers import PreTrainedTokenizerFast

from trainers.errors import BaseModelError
from trainers.rendering import Renderer

# What Mistral-7B-Instruct-v0.3 writes and refuses, in our own words: the system prompt and the tools go into the last
# user turn, roles alternate, and identifiers of calls have nine characters.
MISTRAL = """
{%- set system = messages[0].content if messages[0].role == 'system' else none -%}
{%- set turns = messages[1:] if system is not none else messages -%}
{%- set asked = turns | selectattr('role', 'equalto', 'user') | list -%}
{%- set place = namespace(next=0) -%}
{%- macro known(id) -%}
  {%- if not id or id | length != 9 -%}{{- raise_exception('ids of tool calls have nine characters') -}}{%- endif -%}
  {{- id -}}
{%- endmacro -%}
{{- bos_token -}}
{%- for turn in turns -%}
  {%- if turn.role != 'tool' and not turn.tool_calls -%}
    {%- if (turn.role == 'user') != (place.next % 2 == 0) -%}
      {{- raise_exception('conversation roles must alternate user/assistant') -}}
    {%- endif -%}
    {%- set place.next = place.next + 1 -%}
  {%- endif -%}
  {%- if turn.role == 'user' -%}
    {{- '[AVAILABLE_TOOLS] ' + tools | tojson + '[/AVAILABLE_TOOLS]' if tools and turn == asked[-1] else '' -}}
    {{- '[INST] ' + (system + '\n\n' if loop.last and system is not none else '') + turn.content + '[/INST]' -}}
  {%- elif turn.tool_calls -%}
    {{- '[TOOL_CALLS] [' -}}
    {%- for call in turn.tool_calls -%}
      {{- (call.function | tojson)[:-1] + ', "id": "' + known(call.id) + '"}' + (']' if loop.last else ', ') -}}
    {%- endfor -%}
    {{- eos_token -}}
  {%- elif turn.role == 'assistant' -%}
    {{- ' ' + turn.content | trim + eos_token -}}
  {%- else -%}
    {{- '[TOOL_RESULTS] {"content": ' + turn.content + ', "call_id": "' + known(turn.tool_call_id) + '"}' -}}
    {{- '[/TOOL_RESULTS]' -}}
  {%- endif -%}
{%- endfor -%}
"""
ENDS = {
    "llama3": "<|eot_id|>",
    "llama3_1": "<|eot_id|>",
    "llama3_2": "<|eot_id|>",
    "qwen2_5": "<|im_end|>",
    "qwen3": "<|im_end|>",
    "gemma": "<end_of_turn>",
    "gemma3": "<end_of_turn>",
    "phi3": "<|end|>",
    "phi3_5": "<|end|>",
    "mistral": "</s>",
}


def tokenizer_of(family: str) -> PreTrainedTokenizerFast:
    template = MISTRAL
    if family != "mistral":
        template = (Path(trl.__file__).parent / "chat_templates" / f"{family}.jinja").read_text()
    tokenizer = make_tokenizer(template)
    marks = [ENDS[family], "<s>", "<|start_header_id|>", "<|im_start|>", "<start_of_turn>"]
    tokenizer.add_tokens([AddedToken(mark, special=True) for mark in marks])
    tokenizer.bos_token = "<s>"
    tokenizer.eos_token = ENDS[family]
    return tokenizer


def trained(family: str, row: dict[str, object]) -> str:
    tokenizer = tokenizer_of(family)
    return trained_text(Renderer(tokenizer, max_length=9_999).render(row), tokenizer)


def said(family: str, row: dict[str, object]) -> list[str]:
    """What is trained on, turn by turn, without the white space that a template may put around it."""
    text = trained(family, row)
    return [turn.strip() for turn in text.split(ENDS[family]) if turn.strip()]


def dialogue(**first: object) -> dict[str, object]:
    return {"messages": [*chat_row("say hot", "cold", **first)["messages"], *chat_row("say red", "blue")["messages"]]}


@pytest.mark.parametrize("family", ENDS)
def test_every_answer_is_trained_with_its_end(family: str) -> None:
    assert said(family, dialogue()) == ["cold", "blue"]
    assert trained(family, dialogue()).count(ENDS[family]) == 2


@pytest.mark.parametrize("family", ENDS)
def test_a_turn_of_weight_zero_is_not_trained(family: str) -> None:
    assert said(family, dialogue(weight=0)) == ["blue"]


@pytest.mark.parametrize("family", sorted(set(ENDS) - {"gemma"}))
def test_a_system_prompt_is_not_trained(family: str) -> None:
    row = dialogue()
    row["messages"].insert(0, {"role": "system", "content": "please answer"})
    assert said(family, row) == ["cold", "blue"]


@pytest.mark.parametrize("family", ["llama3_1", "llama3_2", "qwen2_5", "qwen3", "mistral"])
def test_a_tool_call_is_trained_and_the_tools_answer_is_not(family: str) -> None:
    first, last = said(family, tool_row())
    assert '"name": "look"' in first
    assert '"at": "hot"' in first
    # Qwen 3 says first that it did not think.
    assert last.removeprefix("<think>\n\n</think>\n\n") == "five"


@pytest.mark.parametrize("family", ["gemma", "gemma3", "phi3", "phi3_5"])
def test_a_family_without_tools_refuses_a_call_instead_of_leaving_it_out(family: str) -> None:
    with pytest.raises((TemplateError, BaseModelError)):
        said(family, tool_row())


@pytest.mark.parametrize("family", ["mistral", "gemma", "gemma3"])
def test_roles_that_do_not_alternate_are_refused_in_the_templates_words(family: str) -> None:
    with pytest.raises(TemplateError, match=r"[Cc]onversation roles must alternate"):
        said(family, {"messages": [*dialogue()["messages"][:2], *dialogue()["messages"]][1:]})


def tool_row() -> dict[str, object]:
    """A conversation in which a tool is asked."""
    call = {"id": "c23456789", "type": "function", "function": {"name": "look", "arguments": '{"at": "hot"}'}}
    tool = {"type": "function", "function": {"name": "look", "description": "sum", "parameters": {"type": "object"}}}
    messages = [
        {"role": "user", "content": "say hot"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c23456789", "content": "two"},
        {"role": "assistant", "content": "five"},
    ]
    return {"messages": messages, "tools": [tool]}
