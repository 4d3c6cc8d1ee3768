"""DPO's loss, and token accuracy of preferred answers, on pairs that are not trained on."""

import math
import random
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch

from trainers.pairs import RenderedPairs
from trainers.recipe.validation import SAMPLE_SIZE, ValidationScore

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Likelihood = tuple[float, int, int]
"""Log-likelihood of an answer, how many of its tokens were predicted first, and how many there are."""


class PreferenceValidation:
    """A rendered preference file, scored whole or on a fixed seeded sample.

    `reference` is the untouched base; what it thinks of every pair is computed here, once.
    """

    def __init__(self, rendered: RenderedPairs, reference: "PreTrainedModel", *, beta: float, seed: int) -> None:
        self._rendered = rendered
        self._beta = beta
        size = min(SAMPLE_SIZE, len(rendered))
        self._sample = sorted(random.Random(seed).sample(range(len(rendered)), size))
        self._reference = [self._margin(reference, pair)[0] for pair in range(len(rendered))]

    def __len__(self) -> int:
        """How many pairs there are."""
        return len(self._rendered)

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
    ids_T = torch.tensor(ids, device=model.device)
    with torch.no_grad():
        logits_T_V = model(input_ids=ids_T[None], use_cache=False).logits[0, n_prompt - 1 : -1].float()
    answer_T = ids_T[n_prompt:]
    likelihood = -torch.nn.functional.cross_entropy(logits_T_V, answer_T, reduction="sum").item()
    return likelihood, int((logits_T_V.argmax(-1) == answer_T).sum()), len(answer_T)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
