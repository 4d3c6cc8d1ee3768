"""The plain supervised loss with logits of trained positions only, for processors without TRL's kernels.

TRL's fused head does the same on a GPU; elsewhere it scores every position, prompts and padding too, which
is two fifths of a step of a small model.
"""

from typing import Any

import torch
from trl.trainer.sft_trainer import SFTTrainer

from trainers.rendering import IGNORED


class SparseHeadTrainer(SFTTrainer):
    """TRL's trainer, its loss computed from the hidden states that foretell a trained token."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Sum of cross-entropies over trained tokens, divided by how many the whole batch has."""
        targets_B_T = torch.nn.functional.pad(inputs.pop("labels")[:, 1:], (0, 1), value=IGNORED)
        foretelling_B_T = targets_B_T != IGNORED
        head = self.accelerator.unwrap_model(model).get_output_embeddings()
        hook = head.register_forward_pre_hook(lambda _, hidden: (hidden[0][foretelling_B_T],))
        try:
            outputs = model(**inputs, use_cache=False)
        finally:
            hook.remove()
        logits_N_V, targets_N = outputs.logits.float(), targets_B_T[foretelling_B_T]
        right = (logits_N_V.detach().argmax(-1) == targets_N).sum()
        self._metrics["train"]["mean_token_accuracy"].append((right / max(len(targets_N), 1)).item())
        total = len(targets_N) if num_items_in_batch is None else num_items_in_batch
        loss = torch.nn.functional.cross_entropy(logits_N_V, targets_N, reduction="sum")
        loss = loss / torch.as_tensor(total).clamp(min=1)
        if num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # the tokens of all of them, whose gradients are averaged
        return (loss, outputs) if return_outputs else loss
