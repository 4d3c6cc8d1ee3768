"""Logits of the positions that foretell a scored token, and of no others.

Prompts and padding are most of a chat row, and a large vocabulary makes their logits the largest thing in memory.
TRL's fused head does the same for the plain loss on a GPU; elsewhere it scores every position, which is two fifths of
a step of a small model.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from trl.trainer.sft_trainer import SFTTrainer

from trainers.rendering import IGNORED

CHUNK = 1_024
"""Positions whose probabilities are in memory at once where no gradient needs them."""


def foretold(labels_B_T: Tensor, *, nothing: float = IGNORED) -> Tensor:
    """What each position foretells, [B, T]: what the next token is labelled with, `nothing` at the end."""
    return torch.nn.functional.pad(labels_B_T[:, 1:], (0, 1), value=nothing)


@contextmanager
def only(model: Any, chosen_B_T: Tensor) -> Iterator[None]:
    """Inside, `model` computes the logits of the chosen positions only: [N, V], row by row."""
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, hidden: (hidden[0][chosen_B_T],))
    try:
        yield
    finally:
        hook.remove()


def scores(model: Any, input_ids_B_T: Tensor, labels_B_T: Tensor) -> tuple[float, int, int]:
    """Of the labelled tokens: their summed negative log-likelihood, how many were foretold first, and their number.

    Right padding needs no attention mask here: attention is causal and padding is never scored.
    """
    targets_B_T = foretold(labels_B_T)
    scored_B_T = targets_B_T != IGNORED
    with torch.no_grad(), only(model, scored_B_T):
        logits_N_V = model(input_ids=input_ids_B_T, use_cache=False).logits
    loss, right, targets_N = 0.0, 0, targets_B_T[scored_B_T]
    for logits, targets in zip(torch.split(logits_N_V, CHUNK), torch.split(targets_N, CHUNK), strict=True):
        loss += torch.nn.functional.cross_entropy(logits.float(), targets, reduction="sum").item()
        right += int((logits.argmax(-1) == targets).sum())
    return loss, right, len(targets_N)


class SparseHeadTrainer(SFTTrainer):
    """TRL's trainer, its loss computed from the hidden states that foretell a trained token."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Sum of cross-entropies over trained tokens, divided by how many the whole batch has."""
        targets_B_T = foretold(inputs.pop("labels"))
        foretelling_B_T = targets_B_T != IGNORED
        with only(self.accelerator.unwrap_model(model), foretelling_B_T):
            outputs = model(**inputs, use_cache=False)
        logits_N_V, targets_N = outputs.logits.float(), targets_B_T[foretelling_B_T]
        right = (logits_N_V.detach().argmax(-1) == targets_N).sum()
        self._metrics["train"]["mean_token_accuracy"].append((right / max(len(targets_N), 1)).item())
        total = len(targets_N) if num_items_in_batch is None else num_items_in_batch
        loss = torch.nn.functional.cross_entropy(logits_N_V, targets_N, reduction="sum")
        loss = loss / torch.as_tensor(total).clamp(min=1)
        if num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # the tokens of all of them, whose gradients are averaged
        return (loss, outputs) if return_outputs else loss
