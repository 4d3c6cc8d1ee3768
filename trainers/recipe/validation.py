"""Loss and token accuracy on examples that are not trained on."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from trainers.recipe.sparse_head import scores
from trainers.rendering import IGNORED, RenderedSet

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SAMPLE_SIZE = 32
MAX_BATCH_TOKENS = 8_192
MAX_LOGITS = 1 << 27
"""Numbers in one batch of logits: half a gigabyte of float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationScore:
    """Means over all trained tokens of the examples: negative log-likelihood, and share predicted first."""

    loss: float
    token_accuracy: float


class Validating(Protocol):
    """Examples that are not trained on, whatever the method."""

    def __len__(self) -> int:
        """How many there are."""

    def sample(self, model: "PreTrainedModel") -> ValidationScore:
        """Score on a few of them, the same each time."""

    def whole(self, model: "PreTrainedModel") -> ValidationScore:
        """Score on all of them."""


class Validation:
    """A rendered validation file, scored whole or on a fixed seeded sample."""

    def __init__(self, rendered: RenderedSet, *, seed: int) -> None:
        self._rendered = rendered
        size = min(SAMPLE_SIZE, len(rendered))
        self._sample = sorted(random.Random(seed).sample(range(len(rendered)), size))

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self._rendered)

    def sample(self, model: "PreTrainedModel") -> ValidationScore:
        """Score on the same at most `SAMPLE_SIZE` examples each time."""
        return self._score(model, self._sample)

    def whole(self, model: "PreTrainedModel") -> ValidationScore:
        """Score on every example."""
        return self._score(model, range(len(self._rendered)))

    def _score(self, model: "PreTrainedModel", examples: Sequence[int]) -> ValidationScore:
        was_training = model.training
        model.train(False)
        vocabulary = model.config.get_text_config().vocab_size
        batches = self._batches(examples, vocabulary)
        found = [
            scores(model, ids_B_T.to(model.device), labels_B_T.to(model.device)) for ids_B_T, labels_B_T in batches
        ]
        loss, correct, n_tokens = (sum(one) for one in zip(*found, strict=True))
        model.train(was_training)
        return ValidationScore(loss=loss / n_tokens, token_accuracy=correct / n_tokens)

    def _batches(self, examples: Sequence[int], vocabulary: int) -> Iterator[tuple["torch.Tensor", "torch.Tensor"]]:
        """Padded ids and labels of neighbours of like length, within the memory of one batch of logits."""
        offsets = self._rendered.offsets
        by_length = sorted(examples, key=lambda i: offsets[i + 1] - offsets[i])
        budget = min(MAX_BATCH_TOKENS, MAX_LOGITS // vocabulary)
        batch: list[int] = []
        for i in by_length:
            if batch and (len(batch) + 1) * (offsets[i + 1] - offsets[i]) > budget:
                yield self._pad(batch)
                batch = []
            batch.append(i)
        yield self._pad(batch)

    def _pad(self, batch: Sequence[int]) -> tuple["torch.Tensor", "torch.Tensor"]:
        spans = [slice(self._rendered.offsets[i], self._rendered.offsets[i + 1]) for i in batch]
        ids = [torch.tensor(self._rendered.input_ids[span], dtype=torch.long) for span in spans]
        labels = [torch.tensor(self._rendered.labels[span], dtype=torch.long) for span in spans]
        pad = torch.nn.utils.rnn.pad_sequence
        return pad(ids, batch_first=True), pad(labels, batch_first=True, padding_value=IGNORED)
