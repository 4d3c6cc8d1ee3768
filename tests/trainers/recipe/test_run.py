"""Whole runs of the recipe in this process: what they leave behind, and how they fail."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from peft import PeftModel
from safetensors.torch import load_file
from tiny_base import base_entry, chat_row, write_rows
from transformers import AutoModelForCausalLM, AutoTokenizer

from moderation.types import TrainingSet
from trainers.artefacts import load
from trainers.bases import read_base
from trainers.recipe.run import run
from trainers.recipe.validation import Validation
from trainers.rendering import Renderer, render_file
from trainers.results import own_rows
from trainers.run_directory import RunDirectory
from trainers.types import CandidateModel, OwnRows, RunFailure, TrainingSpec, Tuning

# trl and peft still read names that transformers has renamed.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def candidate(directory: RunDirectory) -> CandidateModel:
    digest = directory.result()
    assert digest is not None, directory.failure()
    return load(directory.artefact, digest)


def failure(directory: RunDirectory) -> RunFailure:
    failure = directory.failure()
    assert failure is not None
    assert directory.result() is None
    return failure


def of_base(rows: Path, base_path: Path) -> dict[str, object]:
    """What an untouched base does on rows, computed without a run."""
    renderer = Renderer(AutoTokenizer.from_pretrained(base_path), max_length=128)
    score = Validation(render_file(rows, renderer), seed=0).whole(AutoModelForCausalLM.from_pretrained(base_path))
    return {"n": 5, "loss": pytest.approx(score.loss), "token_accuracy": pytest.approx(score.token_accuracy)}


def test_a_lora_run_learns_validates_and_seals_an_adapter(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec], tmp_path: Path, base_path: Path
) -> None:
    rows = write_rows(tmp_path / "valid.jsonl", 5)
    directory = train(make_spec(n_epochs=3), validation=rows)
    metrics = directory.metrics()
    assert directory.base_validation() == of_base(rows, base_path)
    assert own_rows(directory.root, metrics) == OwnRows(
        n=5, base_loss=of_base(rows, base_path)["loss"], loss=metrics[-1].full_valid_loss or 0.0,
        base_token_accuracy=of_base(rows, base_path)["token_accuracy"],
        token_accuracy=metrics[-1].full_valid_mean_token_accuracy or 0.0,
    )  # fmt: skip
    assert [m.step for m in metrics if m.full_valid_loss is not None] == [5, 10, 15]
    assert metrics[-1].train_loss < metrics[0].train_loss
    assert all(m.valid_loss is not None and m.total_steps == 15 for m in metrics)
    model = candidate(directory)
    assert model.trained_tokens == 3 * directory.rendering()["n_tokens"]
    assert (model.n_steps, model.tuning, model.base) == (15, Tuning.LORA, make_spec().base)
    assert "/" not in (directory.artefact / "adapter_config.json").read_text()
    PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base_path), model.path)


def test_the_same_order_gives_the_same_bytes_and_another_seed_others(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec]
) -> None:
    digests = [
        candidate(train(make_spec(seed=seed), name=name)).digest for seed, name in ((1, "a"), (1, "b"), (2, "c"))
    ]
    assert digests[0] == digests[1] != digests[2]


def test_a_whole_model_stands_alone(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec], base_path: Path
) -> None:
    path = candidate(train(make_spec(Tuning.FULL))).path
    model, base = AutoModelForCausalLM.from_pretrained(path), AutoModelForCausalLM.from_pretrained(base_path)
    assert not model.get_input_embeddings().weight.equal(base.get_input_embeddings().weight)
    assert model.config.use_cache
    assert AutoTokenizer.from_pretrained(path).get_chat_template()


def test_a_prefix_is_learned_beside_untouched_weights_and_the_same_each_time(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec], tmp_path: Path, base_path: Path
) -> None:
    rows = write_rows(tmp_path / "valid.jsonl", 5)
    first, again = train(make_spec(Tuning.PREFIX), name="a"), train(make_spec(Tuning.PREFIX), name="b", validation=rows)
    assert again.base_validation() == of_base(rows, base_path)
    losses = [metrics.train_loss for metrics in first.metrics()]
    assert losses[-1] < losses[0]
    assert list(load_file(f"{candidate(first).path}/adapter_model.safetensors")) == ["prompt_embeddings"]
    assert candidate(first).digest == candidate(again).digest


def test_a_loss_that_is_no_number_ends_the_run_and_says_when(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec]
) -> None:
    stopped = failure(train(make_spec(Tuning.FULL, multiplier=1e30)))
    assert stopped.code == "loss_not_finite"
    assert "of 10" in stopped.message
    assert "smaller learning_rate_multiplier" in stopped.message


def test_a_base_that_changed_is_not_trained(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec], base_path: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(base_path, tmp_path / "base"))
    spec = make_spec(base=read_base(base_entry(copy)))
    (copy / "chat_template.jinja").write_text("other")
    assert failure(train(spec)).code == "base_model_unusable"


def test_a_training_set_that_changed_is_not_trained(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec], training: TrainingSet
) -> None:
    path = Path(training.path) / "examples.jsonl"
    sealed = path.read_bytes()
    path.write_bytes(sealed + json.dumps(chat_row("one", "more")).encode() + b"\n")
    try:
        assert failure(train(make_spec())).code == "training_set_changed"
    finally:
        path.write_bytes(sealed)


def test_a_run_that_failed_is_not_run_again(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec]
) -> None:
    directory = train(make_spec(max_length=2))
    assert failure(directory).code == "no_trained_tokens"
    assert "were cut at 2 tokens" in failure(directory).message
    run(directory.root)
    assert directory.metrics() == ()


def test_a_run_killed_before_its_last_word_seals_the_same_again(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec]
) -> None:
    directory = train(make_spec())
    digest, metrics = directory.result(), directory.metrics()
    (directory.root / "result.json").unlink()
    run(directory.root)
    assert directory.result() == digest
    assert directory.metrics() == metrics
