"""Packed batches train exactly as padded ones do."""

import random
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForCausalLM

from trainers.recipe.packing import collate, first_fit, keeps_apart
from trainers.rendering import IGNORED

LENGTHS = (40, 9, 25, 3, 31, 12, 1, 17)


def examples() -> list[dict[str, list[int]]]:
    draw = random.Random(0)
    rows = []
    for length in LENGTHS:
        ids = [draw.randrange(1, 256) for _ in range(length)]
        rows.append({"input_ids": ids, "labels": [IGNORED if draw.random() < 0.4 else token for token in ids]})
    return rows


def gradients(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> tuple[float, torch.Tensor]:
    labels = batch.pop("labels")
    logits = model(**batch, use_cache=False).logits[:, :-1].transpose(1, 2)
    loss = torch.nn.functional.cross_entropy(logits, labels[:, 1:], ignore_index=IGNORED, reduction="sum")
    model.zero_grad()
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters()])


def test_a_packed_batch_has_the_loss_and_gradient_of_its_examples_one_by_one(base_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_path)
    alone = [{name: torch.tensor([ids]) for name, ids in row.items()} for row in examples()]
    losses, apart = zip(*(gradients(model, batch) for batch in alone if batch["labels"].shape[1] > 1), strict=True)
    loss, packed = gradients(model, collate(examples()))
    assert loss == pytest.approx(sum(losses), rel=1e-5)
    assert torch.allclose(packed, torch.stack(apart).sum(0), atol=1e-4)


def test_rows_are_no_longer_than_the_longest_example_and_hold_each_once() -> None:
    batch = collate(examples())
    assert batch["input_ids"].shape == (4, max(LENGTHS))
    assert int((batch["position_ids"] == 0).sum()) >= len(LENGTHS)
    trained = sum(label != IGNORED for row in examples() for label in row["labels"][1:])
    assert int((batch["labels"] != IGNORED).sum()) == trained
    assert sorted(i for row in first_fit(LENGTHS, max(LENGTHS)) for i in row) == list(range(len(LENGTHS)))


def test_a_model_that_heeds_positions_is_packed_for_and_one_that_does_not_is_padded_for(base_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base_path)
    assert keeps_apart(model)

    class Deaf(torch.nn.Module):
        device, dtype, config = model.device, model.dtype, model.config

        def forward(self, input_ids: torch.Tensor, position_ids: object = None, use_cache: bool = False) -> object:
            return SimpleNamespace(logits=model(input_ids=input_ids, use_cache=use_cache).logits)

    assert not keeps_apart(Deaf())
