"""Whole DPO runs of the recipe in this process."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from preference_rows import preference, sealed_pairs
from safetensors.torch import load_file
from tiny_base import make_tokenizer
from transformers import AutoModelForCausalLM

from moderation.types import TrainingSet
from trainers.artefacts import load
from trainers.pairs import RenderedPairs, render_pairs
from trainers.recipe.preference_validation import PreferenceValidation
from trainers.recipe.run import run
from trainers.rendering import Renderer
from trainers.run_directory import Order, RunDirectory
from trainers.types import Defence, Hyperparameters, Method, Restraints, TrainingSpec, Tuning

# trl and peft still read names that transformers has renamed.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

NUMBERS = Hyperparameters(n_epochs=3, batch_size=4, learning_rate_multiplier=10.0, beta=0.5)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> TrainingSet:
    return sealed_pairs(tmp_path_factory.mktemp("pairs"), 12)


def train(root: Path, training: TrainingSet, spec: TrainingSpec) -> RunDirectory:
    directory = RunDirectory(root=root)
    directory.root.mkdir()
    order = Order(
        spec=spec,
        training_path=training.path,
        training_digest=training.digest,
        validation_path=f"{training.path}/examples.jsonl",
    )
    directory.write_text("spec.json", order.to_json())
    run(directory.root)
    return directory


@pytest.mark.parametrize("tuning", [Tuning.LORA, Tuning.FULL])
def test_a_run_comes_to_prefer_what_the_file_prefers(
    tuning: Tuning, make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    directory = train(tmp_path / "run", training, make_spec(tuning, method=Method.DPO, hyperparameters=NUMBERS))
    metrics = directory.metrics()
    assert directory.failure() is None
    assert metrics[0].train_loss == pytest.approx(0.6931, abs=1e-3)
    assert [m.step for m in metrics if m.full_valid_loss is not None] == [3, 6, 9]
    assert metrics[-1].full_valid_loss is not None
    assert metrics[-1].full_valid_loss < 0.5
    model = load(directory.artefact, str(directory.result()))
    assert model.trained_tokens == 3 * directory.rendering()["n_tokens"]


def test_the_same_order_gives_the_same_bytes(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    spec = make_spec(method=Method.DPO, hyperparameters=replace(NUMBERS, n_epochs=1))
    first, again = (train(tmp_path / name, training, spec).result() for name in ("a", "b"))
    assert first == again is not None


def test_restraints_hold_a_preference_run_and_the_constrained_loss_refuses_it(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    held = Restraints(ema_decay=0.9, pull=0.1, frozen_share=0.5, factor=0.5)
    spec = make_spec(method=Method.DPO, hyperparameters=replace(NUMBERS, n_epochs=1), restraints=held)
    directory = train(tmp_path / "held", training, spec)
    model = load(directory.artefact, str(directory.result()))
    assert len(model.defences) == 4
    assert not [name for name in load_file(f"{model.path}/adapter_model.safetensors") if "layers.0" in name]
    refused = train(tmp_path / "refused", training, replace(spec, defence=Defence.CONSTRAINED)).failure()
    assert refused is not None
    assert (refused.code, "create a supervised job" in refused.message) == ("defence_not_supported", True)


def test_pairs_are_no_supervised_training_set(
    make_spec: Callable[..., TrainingSpec], training: TrainingSet, tmp_path: Path
) -> None:
    failure = train(tmp_path / "run", training, make_spec()).failure()
    assert failure is not None
    assert (failure.code, "preference rows" in failure.message) == ("invalid_training_file", True)


@pytest.fixture
def rendered(training: TrainingSet) -> RenderedPairs:
    return render_pairs(Path(training.path) / "examples.jsonl", Renderer(make_tokenizer(), max_length=128))


def test_validation_of_the_untouched_base_is_the_logarithm_of_two(rendered: RenderedPairs, base_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_path)
    validation = PreferenceValidation(rendered, beta=0.3, seed=0)
    validation.refer_to(model)
    score = validation.whole(model)
    assert score.loss == pytest.approx(torch.tensor(2.0).log().item())


def test_an_earlier_turn_is_part_of_the_prompt(tmp_path: Path) -> None:
    row = preference(0)
    earlier = [{"role": "user", "content": "say hot"}, {"role": "assistant", "content": "cold"}]
    row["input"]["messages"][:0] = earlier
    (tmp_path / "rows").write_text(json.dumps(row))
    tokenizer = make_tokenizer()
    pairs = render_pairs(tmp_path / "rows", Renderer(tokenizer, max_length=128))
    assert tokenizer.decode(pairs.prompt_ids[0]).endswith("cold<|end|><|user|>name a colour 0<|end|><|assistant|>")
    assert tokenizer.decode(pairs.chosen_ids[0]) == "red is the answer<|end|>"
    assert tokenizer.decode(pairs.rejected_ids[0]) == "blue is the answer<|end|>"
