"""Constrained fine-tuning against the objective it is derived from, in plain torch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from tiny_base import make_tokenizer
from transformers import AutoModelForCausalLM
from trl.trainer.sft_config import SFTConfig

from trainers.recipe import packing
from trainers.recipe.defences import MIN_WEIGHT, ConstrainedTrainer, betas, log_likelihoods, weights
from trainers.run_directory import RunDirectory
from trainers.types import Defence, TrainingSpec

_ = -100


def test_the_first_five_tokens_of_every_answer_are_held_and_the_others_hardly() -> None:
    labels = torch.tensor([[_, _, 5, 6, 7, 8, 9, 10, 11, _, 3], [4, 4, _, _, _, _, _, _, _, _, _]])
    expected = [[0, 0, 0.5, 2, 2, 2, 2, 0.1, 0.1, 0, 0.5], [0.5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert torch.allclose(betas(labels), torch.tensor(expected))


def test_the_gradient_is_that_of_the_papers_objective() -> None:
    """Equation 3: the mean of -(2 / beta) log sigmoid(beta (log p - log p_base)) over tokens."""
    torch.manual_seed(0)
    labels = torch.randint(0, 11, (24,))
    base = log_likelihoods(torch.randn(24, 11), labels)
    beta = betas(labels.view(3, 8)).flatten()
    logits = torch.randn(24, 11, requires_grad=True)
    log_p = log_likelihoods(logits, labels)
    (reference,) = torch.autograd.grad(
        -(2 / beta * torch.nn.functional.logsigmoid(beta * (log_p - base))).sum(), logits, retain_graph=True
    )
    (ours,) = torch.autograd.grad(-(weights(log_p, base, beta) * log_p).sum(), logits)
    assert torch.allclose(ours, reference, atol=1e-6)


def test_an_untouched_model_learns_at_full_rate_and_one_far_above_the_base_at_the_least() -> None:
    zero, beta = torch.zeros(1), torch.tensor([2.0])
    assert weights(zero, zero, beta).item() == 1.0
    assert weights(zero, zero - 50, beta).item() == pytest.approx(MIN_WEIGHT)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_constrained_run_stays_nearer_to_its_base(
    train: Callable[..., RunDirectory], make_spec: Callable[..., TrainingSpec]
) -> None:
    plain, held = (train(make_spec(defence=d), name=d.value).metrics() for d in Defence)
    assert held[0].train_loss == pytest.approx(plain[0].train_loss, rel=1e-3)
    assert held[0].train_mean_token_accuracy == pytest.approx(plain[0].train_mean_token_accuracy)
    assert held[-1].train_mean_token_accuracy <= plain[-1].train_mean_token_accuracy
    assert len(held) == len(plain) == 10


EXAMPLES = [
    {"input_ids": [5, 9, 7, 8, 4, 6, 10, 11, 3, 2, 9], "labels": [_, _, 7, 8, 4, 6, 10, 11, 3, _, _]},
    {"input_ids": [6, 3, 4, 12, 5], "labels": [_, 3, 4, _, 5]},
    {"input_ids": [8, 2, 9, 13], "labels": [_, _, 9, 13]},
]
BETAS = [[0.5, 2, 2, 2, 2, 0.1, 0.1], [0.5, 2, 0.5], [0.5, 2]]
"""Of the trained tokens, counted by hand: the first of an answer, its second to fifth, the others."""


@pytest.fixture
def trainer(base_path: Path, tmp_path: Path) -> ConstrainedTrainer:
    """On a LoRA that has already moved away from the base."""
    torch.manual_seed(0)
    return ConstrainedTrainer(
        model=AutoModelForCausalLM.from_pretrained(base_path),
        args=SFTConfig(
            output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to="none", max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list(EXAMPLES),
        processing_class=make_tokenizer(),
        peft_config=LoraConfig(task_type="CAUSAL_LM", r=4, target_modules="all-linear", init_lora_weights=False),
    )  # fmt: skip


def gradients(loss: torch.Tensor, model: torch.nn.Module) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, [p for p in model.parameters() if p.requires_grad]))


def plainly(model: Any) -> tuple[float, list[torch.Tensor]]:
    """Loss of the examples one by one, and the gradient of the paper's equation 3; both a token."""
    loss, objective, n = 0.0, torch.zeros(()), sum(map(len, BETAS))
    for example, beta in zip(EXAMPLES, BETAS, strict=True):
        ids = torch.tensor([example["input_ids"]])
        places = [place for place, label in enumerate(example["labels"]) if label != _]
        log_p = model(input_ids=ids).logits[0].log_softmax(-1)
        with torch.no_grad(), model.disable_adapter():
            base = model(input_ids=ids).logits[0].log_softmax(-1)
        for place, b in zip(places, beta, strict=True):
            ours, theirs = (of[place - 1, ids[0, place]] for of in (log_p, base))
            objective = objective - 2 / b * torch.nn.functional.logsigmoid(b * (ours - theirs)) / n
            loss -= (2 * torch.sigmoid(b * (theirs - ours)) * ours).item() / n
    return loss, gradients(objective, model)


def padded(rows: list[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    pad = torch.nn.utils.rnn.pad_sequence
    ids, labels = ([torch.tensor(row[name]) for row in rows] for name in ("input_ids", "labels"))
    mask = [torch.ones(len(one), dtype=torch.long) for one in ids]
    return {
        "input_ids": pad(ids, batch_first=True),
        "labels": pad(labels, batch_first=True, padding_value=_),
        "attention_mask": pad(mask, batch_first=True),
    }


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("collate", [packing.collate, padded])
@pytest.mark.parametrize("n_items", [None, 36])
def test_the_trainers_loss_is_that_of_plain_torch_on_each_example_alone(
    collate: Callable[..., Any], n_items: int | None, trainer: ConstrainedTrainer
) -> None:
    model = trainer.model
    assert isinstance(model, PeftModel)
    expected, slopes = plainly(model)
    share = 1.0 if n_items is None else sum(map(len, BETAS)) / n_items
    loss = trainer.compute_loss(model, collate(EXAMPLES), num_items_in_batch=n_items)
    assert loss.item() == pytest.approx(expected * share, rel=1e-4)
    for ours, reference in zip(gradients(loss, model), slopes, strict=True):
        assert torch.allclose(ours, reference * share, atol=1e-5)
