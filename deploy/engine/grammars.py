"""What a reply may be, as a grammar that every token is held to: JSON of a schema, calls of declared tools.

The parser is llguidance, the one under vLLM and others: a mask over the vocabulary costs it about 50 microseconds.
"""

import json
from collections.abc import Mapping
from typing import Any

from llguidance import LLMatcher, LLTokenizer

from deploy.engine.steers import ANY_OBJECT, Steers
from deploy.engine.tools import Dialect
from deploy.errors import EngineRefused

SPACING = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
"""As models were taught to write JSON; free whitespace lets a weak one write nothing else."""


def matcher(steers: Steers, dialect: Dialect | None, tokenizer: LLTokenizer) -> LLMatcher | None:
    """A fresh parser of the reply, None for one that may be anything. Raises EngineRefused for a schema that it
    cannot hold a reply to.
    """
    lark = _lark(steers, dialect)
    if lark is None:
        return None
    made = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(lark), log_level=0)
    if made.is_error():
        param = "tools" if steers.schema is None else "response_format"
        problem = made.get_error().splitlines()[0][:300]
        raise EngineRefused(f"The JSON Schema cannot be followed here: {problem}.", param=param)
    return made


def _lark(steers: Steers, dialect: Dialect | None) -> str | None:
    schema = None if steers.schema is None else _json(steers.schema)
    if not steers.tools or dialect is None:
        return None if schema is None else f"%llguidance {{}}\nstart: {schema}\n"
    called = [tool["function"] for tool in steers.tools if tool["function"]["name"] in steers.callable]
    bodies, whole = [], []
    for function in called:
        begin = dialect.begin(function["name"])
        arguments = function.get("parameters") if function.get("strict") else None
        body = f"{_json(arguments or ANY_OBJECT)} {_text(dialect.end)}"
        bodies.append(f"{_text(begin.removeprefix(dialect.trigger))} {body}")
        whole.append(f"{_text(begin)} {body}")
    rules = {"call": " | ".join(bodies), "whole": " | ".join(whole)}
    if steers.must_call or schema is not None:
        calls = 'whole ("\\n" whole)*' if steers.parallel else "whole"
        start = calls if steers.must_call else f"{calls} | {schema}"
        return f"%llguidance {{}}\nstart: {start}\nwhole: {rules['whole']}\n"
    start = "(lead call)* TEXT" if steers.parallel else "lead call | TEXT"
    lead = f"lead[lazy]: TEXT {_text(dialect.trigger)}"
    return f"%llguidance {{}}\nstart: {start}\n{lead}\ncall: {rules['call']}\nTEXT: /(.|\\n)*/\n"


def _json(schema: Mapping[str, Any]) -> str:
    return "%json " + json.dumps({**schema, "x-guidance": SPACING})


def _text(literal: str) -> str:
    return json.dumps(literal)
