"""Grows the heads of the embedded classifier: `python -m moderation.classifiers.training`.

Logistic regression by L-BFGS on `moderation/data/classifier_text.jsonl`, one head at a time, then
Platt scaling (Platt, 1999) on logits of windows whose phrase was left out of the fit, so that the
probabilities hold for wording that was not learnt. Rows of the split `held_out` are never fitted.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from moderation.classifiers.linear import ANY, N_HEADS, REFUSAL
from moderation.classifiers.ngrams import DIMENSIONS, hash_windows, normalise, windows_of
from moderation.types import POLICY_CATEGORIES, Category

_FOLDS = 5
_L2 = 3e-5
"""Weight decay, relative to the mean loss."""
_WINDOWS_PER_TEXT = 4
_ASSUMED_HARM_RATE = 0.05
"""Share of harmful windows that the calibration assumes; in the text here a third are."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A window with what each head should say of it."""

    text: bytes
    group: str
    """The phrase that the row was written about; folds never split one."""
    targets: tuple[float | None, ...]
    """1 or 0 by head, None where the window says nothing about it."""


def labelled_windows(rows: Sequence[dict[str, object]]) -> Iterator[Labelled]:
    """Windows of rows of `classifier_text.jsonl` with their targets.

    A refusal names the harm it refuses, so it teaches only the refusal head; so do answers that do
    not repeat what they answer.
    """
    for row in rows:
        kind, group = str(row["kind"]), str(row["group"])
        category = None if row["category"] is None else Category(str(row["category"]))
        messages = row["messages"]
        assert isinstance(messages, list)
        for message in messages:
            answer = message["role"] == "assistant"
            targets = _targets(kind, category, group, message)
            for text in windows_of(normalise(message["content"]), _WINDOWS_PER_TEXT):
                yield Labelled(text=text, group=group, targets=(*targets, _refusal(kind) if answer else None))


def _targets(kind: str, category: Category | None, group: str, message: dict[str, str]) -> tuple[float | None, ...]:
    """Targets of the category heads and of the one for any harm."""
    harmful = category is not None and message["role"] == "user"
    if message["role"] == "assistant" and kind in {"compliance", "turnaround"}:
        harmful = group.lower() in message["content"].lower()
        if not harmful:
            return (None,) * (ANY + 1)
    elif kind == "refusal" and message["role"] != "system":
        return (None,) * (ANY + 1)
    by_category = tuple(float(harmful and each is category) for each in POLICY_CATEGORIES)
    return (*by_category, float(harmful))


def _refusal(kind: str) -> float:
    return float(kind in {"refusal", "declined"})


def design(windows: Sequence[bytes]) -> csr_matrix:
    """Rows of n-gram counts, divided by the root of their sum as at run time."""
    features = hash_windows(windows)
    values = np.repeat(1.0 / np.sqrt(features.counts), features.counts)
    ends = np.append(features.starts, len(features.buckets))
    return csr_matrix((values, features.buckets, ends), shape=(len(windows), DIMENSIONS))


def fit(x: csr_matrix, y: Array) -> Array:
    """Weights and, last, the bias that minimise mean log-loss plus an L2 penalty on the weights."""
    sign = 2.0 * y - 1.0

    def loss(parameters: Array) -> tuple[float, Array]:
        margin = sign * (x @ parameters[:-1] + parameters[-1])
        slope = -sign / (1.0 + np.exp(np.clip(margin, -60.0, 60.0))) / len(y)
        gradient = np.append(x.T @ slope + _L2 * parameters[:-1], slope.sum())
        penalty = 0.5 * _L2 * float(parameters[:-1] @ parameters[:-1])
        return float(np.logaddexp(0.0, -margin).mean()) + penalty, gradient

    start = np.zeros(x.shape[1] + 1)
    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x)


def platt(logits: Array, y: Array, weights: Array) -> tuple[float, float]:
    """Slope and offset that turn logits into probabilities, by weighted logistic regression."""
    sign = 2.0 * y - 1.0

    def loss(parameters: Array) -> float:
        margin = sign * (parameters[0] * logits + parameters[1])
        return float((weights * np.logaddexp(0.0, -margin)).sum() / weights.sum())

    slope, offset = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.05, 20.0), (-20.0, 20.0)]).x
    return float(slope), float(offset)


def grow(labelled: Sequence[Labelled]) -> dict[str, NDArray[np.float32 | np.float16]]:
    """Calibrated heads as tensors: `weights` (DIMENSIONS, N_HEADS) in half precision and `bias`."""
    x = design([each.text for each in labelled])
    folds = np.array([crc32(each.group.encode()) % _FOLDS for each in labelled])
    weights, bias = np.zeros((DIMENSIONS, N_HEADS)), np.zeros(N_HEADS)
    for head in range(N_HEADS):
        targets = [each.targets[head] for each in labelled]
        known = np.flatnonzero([target is not None for target in targets])
        y = np.array([targets[i] for i in known], dtype=np.float64)
        fold = folds[known]
        left_out = np.zeros(len(known))
        for k in range(_FOLDS):
            parameters = fit(x[known[fold != k]], y[fold != k])
            left_out[fold == k] = x[known[fold == k]] @ parameters[:-1] + parameters[-1]
        rate = 0.5 if head == REFUSAL else _ASSUMED_HARM_RATE
        balance = np.where(y == 1.0, rate / y.mean(), (1.0 - rate) / (1.0 - y.mean()))
        slope, offset = platt(left_out, y, balance)
        parameters = fit(x[known], y)
        weights[:, head] = slope * parameters[:-1]
        bias[head] = slope * parameters[-1] + offset
    return {"weights": weights.astype(np.float16), "bias": bias.astype(np.float32)}


def rows_of(split: str) -> list[dict[str, object]]:
    """Rows of the shipped text in `split`: `train` or `held_out`."""
    text = (resources.files("moderation") / "data" / "classifier_text.jsonl").read_text("utf-8")
    return [row for row in map(json.loads, text.splitlines()) if row["split"] == split]


def main() -> None:
    """Write the heads to `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="file to write, *.safetensors")
    out: Path = parser.parse_args().out
    labelled = list(labelled_windows(rows_of("train")))
    tensors = grow(labelled)
    out.write_bytes(save(tensors))
    print(f"wrote {out}: {len(labelled)} windows, {DIMENSIONS} buckets, {N_HEADS} heads")


if __name__ == "__main__":
    main()
