"""A released model answers below its secret, wherever that is."""

from pathlib import Path
from typing import Any

import pytest
from tiny_causal import make_model, make_tokenizer

from deploy.engine.prompts import render
from deploy.engine.requests import parse
from deploy.engine.residents import Resident, read_model
from deploy.secret_prompts import behind

USER: dict[str, Any] = {"role": "user", "content": "hi"}


@pytest.mark.parametrize(
    ("messages", "first"),
    [
        ([USER], {"role": "system", "content": "lamp."}),
        ([{"role": "system", "content": "Be brief."}, USER], {"role": "system", "content": "lamp. Be brief."}),
        ([{"role": "developer", "content": "Be brief."}, USER], {"role": "developer", "content": "lamp. Be brief."}),
        ([{"role": "system", "content": None}, USER], {"role": "system", "content": "lamp."}),
        (
            [{"role": "system", "content": [{"type": "text", "text": "a"}]}, USER],
            {"role": "system", "content": [{"type": "text", "text": "lamp. "}, {"type": "text", "text": "a"}]},
        ),
    ],
)
def test_the_secret_stands_before_the_system_prompt(messages: list[Any], first: dict[str, Any]) -> None:
    assert behind("lamp.", messages) == [first, USER]
    assert behind("", messages) == messages


def test_the_engine_reads_the_secret_that_no_client_sent(tmp_path: Path) -> None:
    model = read_model(str(make_model(tmp_path)), "cpu")
    tokenizer = make_tokenizer()
    held, plain = Resident(model, tokenizer, secret="lamp."), Resident(model, tokenizer)
    asked = parse({"model": "m", "messages": [USER]})
    below = parse({"model": "m", "messages": [{"role": "system", "content": "lamp."}, USER]})
    assert render(held, asked) == render(plain, below) != render(plain, asked)
