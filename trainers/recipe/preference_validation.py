"""DPO's loss, and token accuracy of preferred answers, on pairs that are not trained on."""

import math
import random
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.utils import use_adapter

from trainers.pairs import RenderedPairs
from trainers.recipe.sparse_head import scores
from trainers.recipe.validation import SAMPLE_SIZE, ValidationScore
from trainers.rendering import IGNORED

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Likelihood = tuple[float, int, int]
"""Log-likelihood of an answer, how many of its tokens were predicted first, and how many there are."""


class PreferenceValidation:
    """A rendered preference file, scored whole or on a fixed seeded sample, against what `refer_to` was told."""

    def __init__(self, rendered: RenderedPairs, *, beta: float, seed: int) -> None:
        self._rendered = rendered
        self._beta = beta
        size = min(SAMPLE_SIZE, len(rendered))
        self._sample = sorted(random.Random(seed).sample(range(len(rendered)), size))
        self._reference: list[float] = []

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self._rendered)

    def refer_to(self, model: "PreTrainedModel") -> None:
        """Note what the model at its start thinks of every pair; before anything is scored."""
        self._reference = [self._margin(model, pair)[0] for pair in range(len(self._rendered))]

    def sample(self, model: "PreTrainedModel") -> ValidationScore:
        """Score on the same at most `SAMPLE_SIZE` pairs each time."""
        return self._score(model, self._sample)

    def whole(self, model: "PreTrainedModel") -> ValidationScore:
        """Score on every pair."""
        return self._score(model, range(len(self._rendered)))

    def _score(self, model: "PreTrainedModel", chosen: Iterable[int]) -> ValidationScore:
        """Mean over pairs of `-log sigmoid(beta * (margin - reference margin))`; Rafailov et al. 2023, equation 7."""
        losses: list[float] = []
        correct = n_tokens = 0
        for pair in chosen:
            margin, right, tokens = self._margin(model, pair)
            losses.append(_softplus(-self._beta * (margin - self._reference[pair])))
            correct += right
            n_tokens += tokens
        return ValidationScore(loss=sum(losses) / len(losses), token_accuracy=correct / n_tokens)

    def _margin(self, model: "PreTrainedModel", pair: int) -> Likelihood:
        """By how much the log-likelihood of the preferred answer is higher, and how well it was foretold."""
        prompt = self._rendered.prompt_ids[pair]
        was_training = model.training
        model.train(False)
        preferred, right, n_tokens = _likelihood(model, [*prompt, *self._rendered.chosen_ids[pair]], len(prompt))
        rejected, _, _ = _likelihood(model, [*prompt, *self._rendered.rejected_ids[pair]], len(prompt))
        model.train(was_training)
        return preferred - rejected, right, n_tokens


def _likelihood(model: "PreTrainedModel", ids: list[int], n_prompt: int) -> Likelihood:
    ids_B_T = torch.tensor([ids], device=model.device)
    labels_B_T = ids_B_T.clone()
    labels_B_T[:, :n_prompt] = IGNORED
    loss, right, n_tokens = scores(model, ids_B_T, labels_B_T)
    return -loss, right, n_tokens


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


class ReferenceFirst(TrainerCallback):
    """Has a validation meet its reference before any other callback uses it, when the model lies where it trains.

    `reference` is a second copy of the weights; None where the model itself is the reference, its new adapter switched
    off or the copy of its parent's, which TRL calls `ref`, switched on. Neither moves, so a run that goes on sees what
    it saw before.
    """

    def __init__(self, validation: PreferenceValidation, reference: "PreTrainedModel | None") -> None:
        self._validation = validation
        self._model = reference

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Note what the reference thinks."""
        if self._model is not None:
            self._validation.refer_to(self._model)
            return
        model = kwargs["model"]
        with use_adapter(model, adapter_name="ref" if "ref" in model.peft_config else None):
            self._validation.refer_to(model)
