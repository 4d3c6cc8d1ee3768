"""Grows the heads of the encoder: `python -m moderation.classifiers.encoder_training --out FILE`.

Learnt from are short passages of `moderation/data/classifier_text.jsonl` and all of the minimal pairs of
`contrast_text.txt`. Features of the tokens and heads on their pools are fitted together by AdamW (Loshchilov and
Hutter, 2019), with the encoder itself frozen; Platt scaling then uses passages whose phrase or block
was left out of the fit. Rows of the split `held_out` are never fitted. The same texts, encoder and
versions give the same heads.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch.nn.functional import binary_cross_entropy_with_logits

from moderation import embedding
from moderation.classifiers.contrasts import requests
from moderation.classifiers.encoder import TENSORS
from moderation.classifiers.exchanges import ANY, N_HEADS, REFUSAL
from moderation.classifiers.passages import cut
from moderation.classifiers.training import Labelled, platt, rows_of, targets_of
from moderation.ngrams import normalise
from moderation.types import POLICY_CATEGORIES, Category

LAYERS = (2, 4, 6)
_FEATURES = 48
_DROPOUT = 0.2
_EPOCHS = 6
_BATCH = 128
_LEARNING_RATE = 2e-3
_DECAY = 1e-2
_WARM_UP = 50
_GAIN = 8.0
"""States have unit length and some thousand numbers: so scaled, a step of the optimiser moves a feature."""
_ANY_WEIGHT = 4.0
"""The head that says whether there is any harm has the last word, so it counts more than one category's."""
_LEAST_RATE = 0.02
"""A rarer category is not weighted up beyond this share."""
_FOLDS = 8
_PASSAGES_PER_TEXT = 4
_ANSWERS = 3
"""One answer in so many is learnt from: they are placeholders, and take most of the time to encode."""
_SHORT = 136
"""Characters of a short passage, some 25 words; longer ones pad the same phrases, and take most of the time."""
_ASSUMED_HARM_RATE = 0.1
"""Share of harmful passages that the calibration assumes; here a third are. Higher than in a customer's file,
because what reaches the encoder is, for the most part, what the faster classifier found doubtful."""

Array = NDArray[np.float32]


def labelled_passages(rows: Sequence[dict[str, object]]) -> Iterator[Labelled]:
    """Distinct passages of rows of `classifier_text.jsonl` with their targets; `text` is UTF-8.

    A request that is refused is as harmful as one that is answered, so it teaches too.
    """
    seen = set()
    for row in rows:
        kind, group = str(row["kind"]), str(row["group"])
        category = None if row["category"] is None else Category(str(row["category"]))
        messages = row["messages"]
        assert isinstance(messages, list)
        for message in messages:
            answer = message["role"] == "assistant"
            if answer and kind in {"benign", "lookalike", "compliance"} and crc32(str(row["id"]).encode()) % _ANSWERS:
                continue
            for passage in cut(embedding.plain(message["content"]), _PASSAGES_PER_TEXT):
                asked = "request" if kind == "refusal" and message["role"] == "user" else kind
                harm = targets_of(asked, category, normalise(group), (message["role"], normalise(passage)))
                refused = float(kind in {"refusal", "declined"}) if answer else None
                if (passage, harm, refused) not in seen:
                    seen.add((passage, harm, refused))
                    yield Labelled(text=passage.encode(), group=group, targets=(*harm, refused))


def contrasts() -> Iterator[Labelled]:
    """The minimal pairs with their targets."""
    for request in requests():
        by_category = tuple(float(request.category is each) for each in POLICY_CATEGORIES)
        harm = (*by_category, float(request.category is not None), None)
        yield Labelled(text=embedding.plain(request.text).encode(), group=request.group, targets=harm)


def lesson() -> list[Labelled]:
    """All that is learnt from: half of the training text's short passages, which repeat themselves, and all pairs."""
    passages = labelled_passages(rows_of("train"))
    short = (each for each in passages if len(each.text.decode()) <= _SHORT)
    return [*(each for each in short if crc32(each.text) % 2 == 0), *contrasts()]


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Token states of some texts, one after the other, in half precision."""

    tokens: torch.Tensor
    """Shape (tokens of all texts, D)."""
    starts: torch.Tensor
    lengths: torch.Tensor
    """Where each text begins in `tokens`, and how many it has."""

    def batch(self, which: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """States (B, T, D) of the texts with these numbers, and which are real (B, T)."""
        starts, lengths = self.starts[which, None], self.lengths[which, None]
        places = torch.arange(int(lengths.max()))[None]
        real = places < lengths
        return self.tokens[torch.where(real, starts + places, starts)].float(), real


def encode(encoder: embedding.SentenceEncoder, texts: Sequence[str]) -> States:
    """The states of the texts, in their order; equal texts share them."""
    parts: list[NDArray[np.float16]] = []
    spans: dict[str, tuple[int, int]] = {}
    n_tokens = 0
    for batch, states, real in encoder.batches(texts):
        for text, own, kept in zip(batch, states, real, strict=True):
            parts.append(own[kept].astype(np.float16))
            spans[text] = (n_tokens, len(parts[-1]))
            n_tokens += len(parts[-1])
    starts, lengths = zip(*(spans[text] for text in texts), strict=True)
    return States(
        tokens=torch.from_numpy(np.concatenate(parts)), starts=torch.tensor(starts), lengths=torch.tensor(lengths)
    )


class Heads(torch.nn.Module):
    """Features of tokens, their greatest and mean values over a text, and a logit a head."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down = torch.nn.Linear(width, _FEATURES)
        self.up = torch.nn.Linear(2 * _FEATURES, N_HEADS)
        self.dropout = torch.nn.Dropout(_DROPOUT)

    def forward(self, states_B_T_D: torch.Tensor, real_B_T: torch.Tensor) -> torch.Tensor:
        """Logits (B, N_HEADS)."""
        features = torch.relu(self.down(states_B_T_D) * _GAIN) * real_B_T[..., None]
        mean = features.sum(dim=1) / real_B_T.sum(dim=1, keepdim=True)
        logits: torch.Tensor = self.up(self.dropout(torch.cat([features.amax(dim=1), mean], dim=1)))
        return logits

    def tensors(self, slopes: Array, offsets: Array) -> dict[str, Array]:
        """Weights as `moderation.classifiers.encoder` reads them, logits scaled and moved by head."""
        down, up = self.down.weight.detach().numpy(), self.up.weight.detach().numpy()
        biases = self.down.bias.detach().numpy(), self.up.bias.detach().numpy()
        found = (down.T * _GAIN, biases[0] * _GAIN, up.T * slopes, biases[1] * slopes + offsets)
        return {name: np.ascontiguousarray(one, np.float32) for name, one in zip(TENSORS, found, strict=True)}


def fit(states: States, targets_N_H: Array, rows: Sequence[int], seed: int = 0) -> Heads:
    """Heads that minimise log-loss over the known targets (NaN is unknown) of the texts numbered `rows`.

    Harmful and harmless ones weigh the same.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    targets = torch.from_numpy(targets_N_H)
    known, y = ~targets.isnan(), targets.nan_to_num()
    rate = (y[rows].sum(dim=0) / known[rows].sum(dim=0)).clamp(_LEAST_RATE, 1.0 - _LEAST_RATE)
    share = torch.where(y == 1.0, 0.5 / rate, 0.5 / (1.0 - rate)) * known
    share[:, ANY] *= _ANY_WEIGHT
    heads = Heads(states.tokens.shape[1])
    optimiser = torch.optim.AdamW(heads.parameters(), lr=_LEARNING_RATE, weight_decay=_DECAY)
    batches = [batch for _ in range(_EPOCHS) for batch in _shuffled(rows, states, rng)]
    for step, batch in enumerate(batches):
        rate_now = _LEARNING_RATE * min(1.0, (step + 1) / _WARM_UP) * (1.0 - step / len(batches))
        for parameters in optimiser.param_groups:
            parameters["lr"] = rate_now
        losses = binary_cross_entropy_with_logits(heads(*states.batch(batch)), y[batch], reduction="none")
        optimiser.zero_grad()
        (losses * share[batch]).sum(dim=1).mean().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return heads.eval()


def _shuffled(rows: Sequence[int], states: States, rng: np.random.Generator) -> list[list[int]]:
    """The rows in batches of like length, for one epoch."""
    order, lengths = rng.permutation(np.asarray(rows)), states.lengths.numpy()
    chunks = [order[i : i + 16 * _BATCH] for i in range(0, len(order), 16 * _BATCH)]
    by_length = np.concatenate([chunk[np.argsort(lengths[chunk], kind="stable")] for chunk in chunks])
    batches = [by_length[i : i + _BATCH].tolist() for i in range(0, len(by_length), _BATCH)]
    return [batches[i] for i in rng.permutation(len(batches))]


def logits_of(heads: Heads, states: States, rows: Sequence[int]) -> Array:
    """Logits (rows, N_HEADS)."""
    with torch.inference_mode():
        parts = [heads(*states.batch(rows[i : i + _BATCH])).numpy() for i in range(0, len(rows), _BATCH)]
    return np.concatenate(parts)


def grow(states: States, labelled: Sequence[Labelled]) -> dict[str, Array]:
    """Heads as tensors, calibrated on phrases and blocks that they were not fitted on, one in `_FOLDS`."""
    targets = np.array([[np.nan if t is None else t for t in each.targets] for each in labelled], np.float32)
    folds = np.array([crc32(each.group.encode()) % _FOLDS for each in labelled])
    left_out = np.flatnonzero(folds == 0).tolist()
    heads = fit(states, targets, np.flatnonzero(folds).tolist())
    logits = logits_of(heads, states, left_out).astype(np.float64)
    slopes, offsets = np.ones(N_HEADS, np.float32), np.zeros(N_HEADS, np.float32)
    for head in range(N_HEADS):
        known = ~np.isnan(targets[left_out, head])
        y = targets[left_out, head][known].astype(np.float64)
        rate = 0.5 if head == REFUSAL else _ASSUMED_HARM_RATE / (1 if head == ANY else len(POLICY_CATEGORIES))
        balance = np.where(y == 1.0, rate / y.mean(), (1.0 - rate) / (1.0 - y.mean()))
        slopes[head], offsets[head] = platt(logits[known, head], y, balance)
    return heads.tensors(slopes, offsets)


def main() -> None:
    """Write the heads to `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="file to write, *.safetensors")
    parser.add_argument("--model", default="", help="directory or hub name of the encoder; default: the package")
    given = parser.parse_args()
    torch.set_num_threads(1)
    encoder = embedding.load(embedding.directory_of({"model": given.model}), layers=LAYERS, sha256=None)
    labelled = lesson()
    tensors = grow(encode(encoder, [each.text.decode() for each in labelled]), labelled)
    about = json.dumps({"layers": LAYERS, "encoder_sha256": encoder.sha256})
    given.out.write_bytes(save(tensors, metadata={"about": about}))
    print(f"wrote {given.out}: {len(labelled)} passages, states of {encoder.width}, {N_HEADS} heads")


if __name__ == "__main__":
    main()
