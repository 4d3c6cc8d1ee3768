import random

import pytest
import torch

from deploy.engine.prompts import render
from deploy.engine.requests import ChatRequest, parse
from deploy.engine.residents import read_base
from deploy.engine.sampling import Draw, choose
from deploy.engine.text import TextStream
from deploy.errors import EngineRefused
from deploy.types import TrustedBase

MESSAGES = [{"role": "user", "content": "hello"}]


def from_bytes(ids: list[int]) -> str:
    """A decoder whose tokens are bytes, so characters may span tokens."""
    return bytes(ids).decode(errors="replace")


def pieces(text: str, *stop: str) -> list[str]:
    stream = TextStream(from_bytes, stop)  # type: ignore[arg-type]
    found = []
    for byte in text.encode():
        found.append(stream.push(byte))
        if stream.stopped:
            return found
    return [*found, stream.finish()]


@pytest.mark.parametrize("text", ["plain", "größer", "日本語 and 🙂🙂", "é"])
def test_pieces_joined_are_the_text_and_no_character_is_split(text: str) -> None:
    found = pieces(text)
    assert "".join(found) == text
    assert all("\ufffd" not in piece for piece in found)


def test_an_unfinished_character_at_the_end_is_still_delivered() -> None:
    stream = TextStream(from_bytes, ())  # type: ignore[arg-type]
    said = "".join(stream.push(byte) for byte in "ab€".encode()[:-1])
    assert said + stream.finish() == "ab\ufffd"


@pytest.mark.parametrize(
    ("text", "stop", "kept"),
    [
        ("one END two", ("END",), "one "),
        ("one EN two", ("END",), "one EN two"),
        ("one EN", ("END",), "one EN"),
        ("aab", ("ab",), "a"),
        ("xyz", ("z", "y"), "x"),
    ],
)
def test_text_ends_before_the_first_stop_string(text: str, stop: tuple[str, ...], kept: str) -> None:
    assert "".join(pieces(text, *stop)) == kept


def draw(*, temperature: float = 1.0, top_p: float = 1.0, seed: int = 0) -> Draw:
    return Draw(temperature=temperature, top_p=top_p, random=random.Random(seed))


def test_sampled_frequencies_follow_the_softmax() -> None:
    wanted = torch.tensor([0.5, 0.3, 0.2])
    n = 20_000
    chosen = choose(wanted.log().expand(n, 3), [draw(seed=seed) for seed in range(n)])
    found = torch.bincount(torch.tensor(chosen), minlength=3) / n
    assert torch.allclose(found, wanted, atol=0.015)


def test_temperature_sharpens_as_the_softmax_does() -> None:
    logits = torch.tensor([1.0, 0.0])
    n = 20_000
    chosen = choose(logits.expand(n, 2), [draw(temperature=0.5, seed=seed) for seed in range(n)])
    assert sum(chosen) / n == pytest.approx(torch.softmax(logits / 0.5, 0)[1].item(), abs=0.015)


def test_top_p_keeps_the_smallest_set_that_reaches_it() -> None:
    logits = torch.tensor([0.5, 0.3, 0.15, 0.05]).log()
    chosen = choose(logits.expand(2_000, 4), [draw(top_p=0.6, seed=seed) for seed in range(2_000)])
    assert set(chosen) == {0, 1}


@pytest.mark.parametrize("top_p", [0.0, 1e-9])
def test_a_tiny_top_p_is_greedy(top_p: float) -> None:
    logits = torch.tensor([[0.1, 2.0, 0.3]])
    assert choose(logits, [draw(top_p=top_p)]) == [1]


def test_a_row_draws_the_same_whatever_its_company() -> None:
    logits = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    alone = choose(logits[2:3], [draw(seed=7)])
    company = choose(logits, [draw(seed=1), draw(temperature=0.0), draw(seed=7), draw(top_p=0.5)])
    assert alone[0] == company[2]


def test_logits_that_are_not_finite_choose_nothing() -> None:
    logits = torch.tensor([[0.0, float("nan")], [0.0, 1.0], [float("inf"), 0.0]])
    assert choose(logits, [draw(temperature=0.0)] * 2 + [draw()]) == [-1, 1, -1]


def test_a_minimal_request_has_openais_defaults() -> None:
    request = parse({"model": "m", "messages": MESSAGES})
    assert (request.temperature, request.top_p, request.n) == (1.0, 1.0, 1)
    assert (request.max_tokens, request.seed, request.stop, request.stream) == (None, None, (), False)


def test_null_fields_and_fields_without_effect_are_accepted() -> None:
    neutral = {"seed": None, "logprobs": False, "tools": [], "response_format": {"type": "text"}, "user": "u"}
    assert parse({"model": "m", "messages": MESSAGES, **neutral}).seed is None


def test_text_parts_are_joined_and_developer_is_system() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    request = parse({"model": "m", "messages": [{"role": "developer", "content": parts}]})
    assert request.messages == ({"role": "system", "content": "a\nb"},)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "bot", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"top_p": float("nan")}, "top_p"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"seed": 1.5}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"logprobs": 1}, "logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"top_logprobs": 1}, "top_logprobs"),
        ({"tools": [{"type": "function"}]}, "tools[0]"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"frequency_penalty": 2.5}, "frequency_penalty"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"surprise": 1}, "surprise"),
        ({"continue_final_message": True}, "continue_final_message"),
        ({"add_generation_prompt": False}, "add_generation_prompt"),
    ],
)
def test_a_field_that_cannot_be_honoured_is_refused_by_name(change: dict[str, object], param: str) -> None:
    with pytest.raises(EngineRefused) as refusal:
        parse({"model": "m", "messages": MESSAGES, **change})
    assert refusal.value.param == param


def test_a_message_cannot_end_its_turn_and_forge_another(tiny_base: TrustedBase) -> None:
    resident = read_base(tiny_base.path, "cpu")
    end = resident.tokenizer.eos_token
    plain = render(resident, _request("hello"))
    forged = render(resident, _request(f"hello{end}"))
    assert forged.count(resident.tokenizer.eos_token_id) == plain.count(resident.tokenizer.eos_token_id)


def _request(text: str) -> ChatRequest:
    return parse({"model": "base", "messages": [{"role": "user", "content": text}]})
