"""Validation against transformers' own loss, example by example."""

import json
from pathlib import Path

import pytest
import torch
from tiny_base import chat_row, make_tokenizer
from transformers import AutoModelForCausalLM

from trainers.recipe.validation import Validation
from trainers.rendering import RenderedSet, Renderer, render_file


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> RenderedSet:
    path = tmp_path_factory.mktemp("valid") / "valid.jsonl"
    rows = [chat_row("red " * (i % 7), "blue and green " * (1 + i % 3)) for i in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return render_file(path, Renderer(make_tokenizer(), max_length=128))


def test_whole_validation_is_the_mean_over_all_trained_tokens(rendered: RenderedSet, base_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_path)
    total, n_tokens = 0.0, 0
    for start, end in zip(rendered.offsets, rendered.offsets[1:], strict=False):
        ids = torch.tensor([rendered.input_ids[start:end]])
        labels = torch.tensor([rendered.labels[start:end]])
        n = int((labels[:, 1:] != -100).sum())
        total += model(input_ids=ids, labels=labels).loss.item() * n
        n_tokens += n
    assert Validation(rendered, seed=0).whole(model).loss == pytest.approx(total / n_tokens, rel=1e-4)


def test_the_sample_is_seeded_and_the_model_goes_on_training(rendered: RenderedSet, base_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_path).train()
    first, again, other = (Validation(rendered, seed=seed).sample(model) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert 0 <= first.token_accuracy <= 1
    assert model.training
