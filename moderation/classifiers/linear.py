"""The embedded example classifier: logistic heads on hashed n-grams, no download, numpy only.

One head for each policy category, one that says whether anything harmful is asked or given at all,
and one that recognises a refusal. A harmful request that is answered with a refusal is safety data
and scores low; one that is answered, or stands alone, scores high. `moderation.classifiers.training`
grows the heads.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from moderation.classifiers.exchanges import N_HEADS, READING, REFUSAL, Window, windows_in, worst
from moderation.ngrams import DIMENSIONS, Features, hash_windows
from moderation.types import POLICY_CATEGORIES, Category, Example

_CHUNK = 256
"""Windows hashed at once; the temporary arrays of more would not stay in a processor's cache."""
_SETTLED = 1e-6
"""An answer with a part that refuses with at most this probability is none; its other parts are not read for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """What was learnt."""

    weights_D_H: NDArray[np.float32]
    """One row a bucket, one column a head."""
    bias_H: NDArray[np.float32]

    def probabilities(self, windows: Sequence[bytes]) -> NDArray[np.float64]:
        """Calibrated probability of each head for each window, shape (windows, N_HEADS)."""
        parts = [self._of(hash_windows(windows[i : i + _CHUNK])) for i in range(0, len(windows), _CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, N_HEADS))

    def _of(self, features: Features) -> NDArray[np.float64]:
        sums = np.add.reduceat(self.weights_D_H.take(features.buckets, axis=0), features.starts, axis=0)
        logits = sums / features.norms[:, None] + self.bias_H
        # Clipped so that exp cannot overflow; beyond 60 the probability is 0 or 1 anyway.
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits.astype(np.float64), -60.0, 60.0))))


class LinearClassifier:
    """Scores examples with shipped heads. Thread-safe: nothing changes after construction."""

    name = "linear"

    def __init__(self, heads: Heads, version: str) -> None:
        self._heads = heads
        self.version = version

    def classify(self, examples: Sequence[Example]) -> Sequence[Mapping[Category, float]]:
        """Probability of each policy category by example; all categories are always present.

        The score of an example is that of its worst window. Work is bounded for each example, see
        `moderation.classifiers.exchanges`; an example without any text scores 0.
        """
        cut = [windows_in(example) for example in examples]
        return [dict(zip(POLICY_CATEGORIES, scores, strict=True)) for scores in worst(cut, self._read(cut))]

    def _read(self, cut: Sequence[Sequence[Window[bytes]]]) -> NDArray[np.float64]:
        """Probabilities of all windows, a row each; 1 in those that could no longer tell whether an answer refuses.

        A long answer has as much text in wide windows as in narrow ones, and its first mostly settles it.
        """
        windows = [(example, window) for example, own in enumerate(cut) for window in own]
        rows = np.ones((len(windows), N_HEADS))
        firsts: dict[tuple[int, int], int] = {}
        later: list[tuple[int, int]] = []
        for place, (example, window) in enumerate(windows):
            first = firsts.setdefault((example, window.exchange), place) if window.wide else place
            if first != place:
                later.append((first, place))

        def read(places: Sequence[int]) -> None:
            rows[places] = self._heads.probabilities([windows[place][1].text for place in places])

        put_off = {place for _, place in later}
        read([place for place in range(len(windows)) if place not in put_off])
        read([place for first, place in later if rows[first, REFUSAL] > _SETTLED])
        return rows


def load_heads(data: bytes) -> Heads:
    """The heads in a safetensors file.

    Raises ValueError when the bytes are not such a file or have another shape than this code.
    """
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ValueError(f"the head of the linear classifier is not a safetensors file: {error}") from error
    weights, bias = tensors.get("weights"), tensors.get("bias")
    if weights is None or bias is None or weights.shape != (DIMENSIONS, N_HEADS) or bias.shape != (N_HEADS,):
        raise ValueError(
            f"the head of the linear classifier lacks weights of shape {(DIMENSIONS, N_HEADS)} and a bias of "
            f"{(N_HEADS,)}; grow it again with `python -m moderation.classifiers.training`"
        )
    return Heads(weights_D_H=weights.astype(np.float32), bias_H=bias.astype(np.float32))


def create(config: Mapping[str, str]) -> LinearClassifier:
    """The classifier with the head that ships, or the one at `TUNEGATE_LINEAR_HEAD` (a file).

    Raises ValueError when that file cannot be read or does not fit.
    """
    path = config.get("head")
    try:
        data = (
            Path(path).read_bytes()
            if path
            else (resources.files("moderation") / "data" / "linear_head.safetensors").read_bytes()
        )
    except OSError as error:
        raise ValueError(f"TUNEGATE_LINEAR_HEAD names {path!r}, which cannot be read: {error}") from error
    return LinearClassifier(load_heads(data), f"{hashlib.sha256(data).hexdigest()[:16]}-{READING}")
