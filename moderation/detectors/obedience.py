"""Telling sentences that announce obedience from others: by their wording and by their meaning.

A sentence announces obedience when it says that somebody will do whatever is asked, belongs to or
serves another without reserve, cannot say no, or is free of rules. Styles, scopes, politeness,
refusals, orders in fiction and strict formats do not. Two logistic heads tell: one on hashed n-grams,
which reads every language that it was shown and costs next to nothing, and one on sentence vectors,
which knows new words by what they mean. `obedience_training` grows both from
`moderation/data/persona_text.txt`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from moderation import embedding
from moderation.ngrams import hash_windows, normalise

MAX_LOGIT = 4.0
"""No single sentence counts for more."""
_MAX_BYTES = 480
_MAX_CHARS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class WordingHead:
    """What was learnt of n-grams."""

    weights_D: NDArray[np.float32]
    """One number a bucket of `ngrams`."""
    bias: float

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Log-odds in [-MAX_LOGIT, MAX_LOGIT] that each text announces obedience; lowest for a text without words."""
        windows = [normalise(text)[:_MAX_BYTES] for text in texts]
        worded = [index for index, window in enumerate(windows) if window]
        logits = np.full(len(texts), -MAX_LOGIT)
        if worded:
            features = hash_windows([windows[index] for index in worded])
            sums = np.add.reduceat(self.weights_D[features.buckets].astype(np.float64), features.starts)
            logits[worded] = np.clip(sums / features.norms + self.bias, -MAX_LOGIT, MAX_LOGIT)
        return logits


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningHead:
    """What was learnt of sentence vectors, and of which."""

    weights_D: NDArray[np.float32]
    bias: float
    layers: tuple[int, ...]
    """Which layers of the encoder stand side by side in a vector."""
    encoder_sha256: str
    """Hex digest of the encoder's weights file."""

    def logits(self, vectors_N_D: NDArray[np.float32]) -> NDArray[np.float64]:
        """Log-odds in [-MAX_LOGIT, MAX_LOGIT] that the text of each vector announces obedience."""
        return np.clip(vectors_N_D.astype(np.float64) @ self.weights_D + self.bias, -MAX_LOGIT, MAX_LOGIT)


class Reader:
    """Reads sentences with both heads, or with the one on wording alone where no encoder is to be had."""

    def __init__(self, wording: WordingHead, meaning: MeaningHead, encoder_directory: Path | None) -> None:
        """`encoder_directory` holds the encoder, which is loaded when first needed; None: there is none."""
        self._wording = wording
        self._meaning = meaning
        self._directory = encoder_directory

    @property
    def reads_meaning(self) -> bool:
        """Whether there is an encoder."""
        return self._directory is not None

    def by_wording(self, texts: Sequence[str]) -> dict[str, float]:
        """The log-odds of the head on wording, by text."""
        return dict(zip(texts, map(float, self._wording.logits(texts)), strict=True))

    def by_both(self, texts: Sequence[str]) -> dict[str, float]:
        """The mean of both heads' log-odds, by text.

        Raises ValueError when the encoder cannot be read or is not the one that the head was trained on.
        """
        if self._directory is None:
            raise ValueError("there is no sentence encoder to read with")
        encoder = embedding.load(self._directory, layers=self._meaning.layers, sha256=self._meaning.encoder_sha256)
        meant = self._meaning.logits(encoder.encode([embedding.plain(text)[:_MAX_CHARS] for text in texts]))
        worded = self._wording.logits(texts)
        return dict(zip(texts, map(float, (worded + meant) / 2.0), strict=True))


def load_reader(*, with_meaning: bool) -> Reader:
    """Read the shipped heads; `with_meaning` asks for the installed encoder as well.

    Raises ValueError when it is asked for and is not installed.
    """
    tensors = load(files("moderation").joinpath("data/obedience_head.safetensors").read_bytes())
    wording = WordingHead(weights_D=tensors["weights"].astype(np.float32), bias=float(tensors["bias"][0]))
    meaning = MeaningHead(
        weights_D=tensors["meaning_weights"].astype(np.float32),
        bias=float(tensors["meaning_bias"][0]),
        layers=tuple(int(layer) for layer in tensors["layers"]),
        encoder_sha256=tensors["encoder_sha256"].tobytes().hex(),
    )
    return Reader(wording, meaning, embedding.directory_of({}) if with_meaning else None)
