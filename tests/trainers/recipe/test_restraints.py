"""Restraints against plain torch, and in whole runs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import TrainerControl, TrainerState, TrainingArguments

from trainers.artefacts import load
from trainers.recipe.restraints import Average, pull_gradients
from trainers.run_directory import RunDirectory
from trainers.types import CandidateModel, Restraints, TrainingSpec, Tuning

# trl and peft still read names that transformers has renamed.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
CONTROL = TrainerControl()


def test_the_pull_is_the_gradient_of_half_the_squared_distance() -> None:
    torch.manual_seed(0)
    a, b = torch.randn(3, 7, requires_grad=True), torch.randn(5, 3, requires_grad=True)
    reference = torch.autograd.grad(0.5 * (2.5 * b @ a).square().sum(), (a, b))
    for ours, expected in zip(pull_gradients(a, b, 2.5), reference, strict=True):
        assert torch.allclose(ours, expected, atol=1e-4)


@pytest.fixture
def args(tmp_path: Path) -> TrainingArguments:
    return TrainingArguments(output_dir=str(tmp_path), use_cpu=True)


def walk(average: Average, args: TrainingArguments, model: torch.nn.Module, steps: range) -> None:
    for step in steps:
        with torch.no_grad():
            model.weight += 0.1 * step
        average.on_step_end(args, TrainerState(global_step=step), CONTROL, model=model)


def test_the_average_is_over_the_steps_and_begins_at_the_base(args: TrainingArguments) -> None:
    model = torch.nn.Linear(2, 2, bias=False)
    expected = model.weight.detach().clone()
    average, weight = Average(0.75), expected.clone()
    average.on_train_begin(args, TrainerState(), CONTROL, model=model)
    walk(average, args, model, range(1, 6))
    for step in range(1, 6):
        weight = weight + 0.1 * step
        expected = 0.75 * expected + 0.25 * weight
    average.on_train_end(args, TrainerState(global_step=5), CONTROL, model=model)
    assert torch.allclose(model.weight, expected)


def test_a_resumed_average_goes_on_where_the_checkpoint_was(args: TrainingArguments, tmp_path: Path) -> None:
    model = torch.nn.Linear(2, 2, bias=False)
    whole = Average(0.5)
    whole.on_train_begin(args, TrainerState(), CONTROL, model=model)
    walk(whole, args, model, range(1, 4))
    (tmp_path / "checkpoint-3").mkdir()
    whole.on_save(args, TrainerState(global_step=3), CONTROL)
    resumed, weight = Average(0.5), model.weight.detach().clone()
    resumed.on_train_begin(args, TrainerState(global_step=3), CONTROL, model=model)
    ends = []
    for average in (whole, resumed):
        with torch.no_grad():
            model.weight.copy_(weight)
        walk(average, args, model, range(4, 6))
        average.on_train_end(args, TrainerState(global_step=5), CONTROL, model=model)
        ends.append(model.weight.detach().clone())
    assert torch.equal(*ends)


def sealed(directory: RunDirectory) -> CandidateModel:
    digest = directory.result()
    assert digest is not None, directory.failure()
    return load(directory.artefact, digest)


def test_a_restrained_run_says_so_and_ends_nearer_to_its_base(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec]
) -> None:
    held = Restraints(ema_decay=0.9, pull=0.1, frozen_share=0.5, factor=0.5)
    plain, restrained = sealed(train(make_spec(), name="plain")), sealed(train(make_spec(restraints=held), name="held"))
    weights = [load_file(f"{model.path}/adapter_model.safetensors") for model in (plain, restrained)]
    norms = [
        sum(w.norm().item() for name, w in of.items() if "layers.1" in name and "lora_B" in name) for of in weights
    ]
    assert norms[1] < norms[0]
    assert {name for name in weights[0] if "layers.0" in name}
    assert not {name for name in weights[1] if "layers.0" in name}
    alphas = [
        json.loads(Path(model.path, "adapter_config.json").read_text())["lora_alpha"] for model in (plain, restrained)
    ]
    assert alphas == [8, 4]
    assert plain.defences == ()
    assert restrained.defences == (
        "running average of the adapter, decay 0.9",
        "pull to the base, weight 0.1",
        "lowest 50% of the layers frozen",
        "adapter scaled to 0.5",
    )


def test_only_a_lora_can_be_restrained(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec]
) -> None:
    failure = train(make_spec(Tuning.FULL, restraints=Restraints(pull=0.1))).failure()
    assert failure is not None
    assert failure.code == "defence_not_supported"
