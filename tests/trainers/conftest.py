"""A tiny random Llama with a tokenizer and a template of its own, made once a test session."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from sealed_rows import sealed_rows
from tiny_base import base_entry, make_tokenizer, write_rows
from transformers import LlamaConfig, LlamaForCausalLM

from moderation.types import TrainingSet
from trainers.bases import read_base
from trainers.types import BaseModel, Hyperparameters, LoraSpec, Method, TrainingSpec, Tuning


@pytest.fixture(scope="session")
def base_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base")
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(path)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=128,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def base(base_path: Path) -> BaseModel:
    return read_base(base_entry(base_path))


@pytest.fixture
def make_spec(base: BaseModel) -> Callable[..., TrainingSpec]:
    def make(
        tuning: Tuning = Tuning.LORA, *, n_epochs: int = 2, multiplier: float = 1.0, **changes: object
    ) -> TrainingSpec:
        spec = TrainingSpec(
            job_id="ftjob-test",
            base=base,
            method=Method.SUPERVISED,
            tuning=tuning,
            hyperparameters=Hyperparameters(n_epochs=n_epochs, batch_size=4, learning_rate_multiplier=multiplier),
            lora=LoraSpec(rank=4, alpha=8),
            seed=7,
            max_length=128,
        )
        return replace(spec, **changes)

    return make


@pytest.fixture(scope="session")
def training(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    """Twenty benign rows, sealed by the real injection with mixing off."""
    rows = write_rows(tmp_path_factory.mktemp("training") / "upload.jsonl", 20)
    return sealed_rows(rows, 20)
