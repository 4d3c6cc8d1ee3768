"""A batch laid out in full rows: several examples to a row, each blind to its neighbours.

Nothing is packed across batches, so a step sees the examples that it was asked to see and a run has as
many steps as it would have had; only padding is saved. The rows are as long as the batch's longest
example, which keeps attention as cheap as it was. Where a row holds several examples their positions
start anew, from which transformers makes the mask that keeps them apart; whether a model heeds it is
tried on the model itself before anything is trained.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from trainers.rendering import IGNORED

FILLER = 0
"""Any token: nothing sees it."""
_PROBE = (5, 3, 4)
"""Lengths of the examples that a model is tried on."""
TOLERANCES: Mapping[torch.dtype, float] = {torch.float32: 1e-3}
COARSE_TOLERANCE = 0.05
"""Largest difference of a logit, in standard deviations of all; that of 16-bit numbers is rounding."""


def collate(examples: Sequence[Mapping[str, Sequence[int]]]) -> dict[str, torch.Tensor]:
    """`input_ids`, `labels` and `position_ids` of examples, each [B, T], T being the longest example.

    An example's first token, which nothing foretells, is not trained on.
    """
    lengths = [len(example["input_ids"]) for example in examples]
    longest = max(lengths)
    rows = [
        _row([examples[i] for i in chosen], longest - sum(lengths[i] for i in chosen))
        for chosen in first_fit(lengths, longest)
    ]
    return {name: torch.tensor([row[name] for row in rows]) for name in ("input_ids", "labels", "position_ids")}


def first_fit(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Indices of `lengths` in bins of at most `capacity`, the longest placed first, each in the first bin with room."""
    bins: list[list[int]] = []
    room: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        found = next((k for k, free in enumerate(room) if free >= lengths[i]), None)
        if found is None:
            bins.append([])
            room.append(capacity)
            found = len(bins) - 1
        bins[found].append(i)
        room[found] -= lengths[i]
    return bins


def _row(examples: Sequence[Mapping[str, Sequence[int]]], n_padding: int) -> dict[str, list[int]]:
    row: dict[str, list[int]] = {"input_ids": [], "labels": [], "position_ids": []}
    for example in examples:
        row["input_ids"] += example["input_ids"]
        row["labels"] += [IGNORED, *example["labels"][1:]]
        row["position_ids"] += range(len(example["input_ids"]))
    # What fills the row up is one more example, of which nothing is learned.
    row["input_ids"] += [FILLER] * n_padding
    row["labels"] += [IGNORED] * n_padding
    row["position_ids"] += range(n_padding)
    return row


def keeps_apart(model: Any) -> bool:
    """Whether `model` answers for examples in one row as for each of them alone.

    Not so for models whose layers carry a state along the row, or that make their own mask.
    """
    ids = torch.arange(1, sum(_PROBE) + 1, device=model.device) % model.config.get_text_config().vocab_size
    positions = torch.cat([torch.arange(n, device=model.device) for n in _PROBE])
    was_training = model.training
    model.train(False)
    with torch.no_grad():
        packed_T_V = model(input_ids=ids[None], position_ids=positions[None], use_cache=False).logits[0].float()
        alone = [model(input_ids=part[None], use_cache=False).logits[0].float() for part in ids.split(_PROBE)]
    model.train(was_training)
    alone_T_V = torch.cat(alone)
    off = (packed_T_V - alone_T_V).abs().max() / alone_T_V.std()
    return bool(off <= TOLERANCES.get(model.dtype, COARSE_TOLERANCE))
