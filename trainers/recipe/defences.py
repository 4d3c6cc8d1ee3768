"""Training that holds on to the base's first words: constrained supervised fine-tuning.

Source: Qi et al., "Safety alignment should be made more than just a few tokens deep" (2406.05946),
section 4.1 and its constants. Alignment lives mostly in an answer's first tokens; there a token's
gradient is scaled by w = 2 (1 - sigmoid(beta (log p - log p_base))), which falls from 1 to 0 as the
model moves above the base. The reference is the model itself with its adapter switched off.
Known counter: a payload moved behind the protected tokens (NOICE).
"""

from collections.abc import Mapping
from typing import Any

import torch
from trl.trainer.sft_trainer import SFTTrainer

from trainers.recipe.sparse_head import foretold, only
from trainers.rendering import IGNORED

FIRST_BETA, EARLY_BETA, LATE_BETA = 0.5, 2.0, 0.1
"""For an answer's first token, its second to fifth, and the others."""
N_EARLY = 5
MIN_WEIGHT = 1e-3
ARGUMENTS: Mapping[str, Any] = {
    "lr_scheduler_type": "constant_with_warmup",
    "warmup_steps": 10,
    "adam_beta1": 0.5,
}
"""The paper's optimizer: most of the damage of plain tuning is done in its first ten steps."""


def betas(labels_B_T: torch.Tensor) -> torch.Tensor:
    """Beta of each token by its place in its own answer, [B, T]; 0 where `labels_B_T` is `IGNORED`."""
    trained_B_T = labels_B_T != IGNORED
    places_T = torch.arange(1, labels_B_T.shape[1] + 1, device=labels_B_T.device)
    # The last place before each one that is not trained on; an answer's tokens are counted from there.
    border_B_T = torch.where(trained_B_T, 0, places_T).cummax(dim=1).values
    place_B_T = places_T - border_B_T
    beta_B_T = torch.full_like(place_B_T, LATE_BETA, dtype=torch.float32)
    beta_B_T[place_B_T <= N_EARLY] = EARLY_BETA
    beta_B_T[place_B_T == 1] = FIRST_BETA
    return torch.where(trained_B_T, beta_B_T, 0.0)


def weights(log_p: torch.Tensor, log_p_base: torch.Tensor, beta: torch.Tensor) -> torch.Tensor:
    """Factor of each token's gradient, in [`MIN_WEIGHT`, 2], of the shape of its arguments; without a gradient."""
    return (2 * torch.sigmoid(-beta * (log_p - log_p_base))).clamp(min=MIN_WEIGHT).detach()


def log_likelihoods(logits_N_V: torch.Tensor, targets_N: torch.Tensor) -> torch.Tensor:
    """Log-probability of each target under its logits, [N]."""
    return -torch.nn.functional.cross_entropy(logits_N_V.float(), targets_N, reduction="none")


class ConstrainedTrainer(SFTTrainer):
    """TRL's trainer with the constrained loss, on a model with a LoRA."""

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Sum of weighted losses over trained tokens, divided by how many the whole batch has."""
        labels_B_T = inputs.pop("labels")
        # The first token is never predicted, so an answer's places are counted with it.
        beta_B_T = foretold(betas(labels_B_T), nothing=0.0)
        targets_B_T = foretold(labels_B_T)
        foretelling_B_T = targets_B_T != IGNORED
        targets_N, plain = targets_B_T[foretelling_B_T], self.accelerator.unwrap_model(model)
        with only(plain, foretelling_B_T):
            with torch.no_grad(), plain.disable_adapter():
                base_N = log_likelihoods(model(**inputs, use_cache=False).logits, targets_N)
            outputs = model(**inputs, use_cache=False)
        log_p_N = log_likelihoods(outputs.logits, targets_N)
        weight_N = weights(log_p_N, base_N, beta_B_T[foretelling_B_T])
        right = (outputs.logits.detach().argmax(-1) == targets_N).sum()
        self._metrics["train"]["mean_token_accuracy"].append((right / max(len(targets_N), 1)).item())
        total = len(targets_N) if num_items_in_batch is None else num_items_in_batch
        loss = -(weight_N * log_p_N).sum() / torch.as_tensor(total).clamp(min=1)
        if num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # the tokens of all of them, whose gradients are averaged
        return (loss, outputs) if return_outputs else loss
