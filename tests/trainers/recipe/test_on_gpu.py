"""The recipe on a real GPU; needs one, and for a base in 4 bits the extra `qlora`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sealed_rows import sealed_rows
from tiny_base import base_entry, chat_row, make_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from moderation.types import TrainingSet
from trainers.bases import read_base
from trainers.recipe.run import run
from trainers.results import memory_message
from trainers.run_directory import Order, RunDirectory
from trainers.types import Defence, LoraSpec, TrainingSpec, Tuning

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]
Train = Callable[..., RunDirectory]
Make = Callable[..., TrainingSpec]
FOUR_BITS = LoraSpec(rank=4, alpha=8, quantised=True)


@pytest.mark.parametrize(
    ("tuning", "changes"),
    [
        (Tuning.LORA, {}),
        (Tuning.LORA, {"lora": FOUR_BITS}),
        (Tuning.LORA, {"defence": Defence.CONSTRAINED}),
        (Tuning.PREFIX, {"multiplier": 10.0}),
        (Tuning.FULL, {}),
    ],
    ids=["lora", "qlora", "constrained", "prefix", "full"],
)
def test_every_tuning_learns_on_a_gpu(
    tuning: Tuning, changes: dict[str, object], train: Train, make_spec: Make
) -> None:
    directory = train(make_spec(tuning, n_epochs=6, **changes))
    assert directory.failure() is None
    losses = [metrics.train_loss for metrics in directory.metrics()]
    assert sum(losses[-5:]) < 0.97 * sum(losses[:5])


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A base whose steps cost hundreds of megabytes, so that memory can really run out."""
    path = tmp_path / "wide"
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(path)
    shape = {"hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 4, "num_attention_heads": 8}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), max_position_embeddings=2048, **shape)).save_pretrained(
        path
    )
    return path


@pytest.fixture
def long_rows(tmp_path: Path) -> TrainingSet:
    path = tmp_path / "long.jsonl"
    path.write_text("".join(json.dumps(chat_row("name a colour", "red green blue " * 300)) + "\n" for _ in range(8)))
    return sealed_rows(path, 8)


def test_memory_that_really_runs_out_leaves_the_run_with_half_as_many_examples_at_once(
    make_spec: Make, wide: Path, long_rows: TrainingSet, tmp_path: Path
) -> None:
    spec = make_spec(n_epochs=1, base=read_base(base_entry(wide)), max_length=2048)

    def ordered(name: str) -> RunDirectory:
        directory = RunDirectory(root=tmp_path / name)
        directory.accept(Order.of(spec, long_rows, None))
        return directory

    whole = ordered("whole")
    torch.cuda.reset_peak_memory_stats()
    assert not run(whole.root)
    needed, total = torch.cuda.max_memory_allocated(), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(0.75 * needed / total)
    try:
        short = ordered("short")
        assert run(short.root)
        assert short.micro_batch() == (2, True)
        while run(short.root):
            pass
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert short.failure() is None
    assert [m.train_loss for m in short.metrics()] == pytest.approx([m.train_loss for m in whole.metrics()], rel=0.02)
    assert "at once and the same batch size" in str(memory_message(short.root))
