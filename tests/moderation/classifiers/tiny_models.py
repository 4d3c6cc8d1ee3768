"""An encoder and a detoxify checkpoint of a few thousand random weights, in the formats of the real ones."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

from moderation.classifiers.exchanges import N_HEADS

WORDS = tuple("awful plan number recipe how do i bake bread build a bomb word yes sure here is knead it".split())  # noqa: SIM905
HIDDEN = 16


def _config(labels: int = 2) -> BertConfig:
    return BertConfig(
        vocab_size=200,
        hidden_size=HIDDEN,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=512,
        num_labels=labels,
    )


def _tokenizer(directory: Path) -> None:
    pieces = [chr(i) for i in range(33, 97)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *pieces]
    (directory / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)))
    BertTokenizerFast(vocab={t: i for i, t in enumerate(dict.fromkeys(vocabulary))}).save_pretrained(directory)


def make_encoder(directory: Path) -> dict[str, str]:
    """Settings of an `encoder` with random heads."""
    directory.mkdir(parents=True)
    torch.manual_seed(0)
    BertModel(_config()).save_pretrained(directory)
    _tokenizer(directory)
    rng = np.random.default_rng(0)
    shapes = {"down": (2 * HIDDEN, 4), "down_bias": (4,), "up": (8, N_HEADS), "up_bias": (N_HEADS,)}
    weights = {name: rng.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}
    sha256 = hashlib.sha256((directory / "model.safetensors").read_bytes()).hexdigest()
    about = json.dumps({"layers": [1, 2], "encoder_sha256": sha256})
    head = directory / "head.safetensors"
    head.write_bytes(save(weights, metadata={"about": about}))
    return {"model": str(directory), "head": str(head)}


def make_toxicity(directory: Path) -> dict[str, str]:
    """Settings of a `toxicity` with a checkpoint as detoxify's training writes it."""
    directory.mkdir(parents=True)
    torch.manual_seed(0)
    classes = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
    _config(len(classes)).save_pretrained(directory)
    _tokenizer(directory)
    architecture = {
        "model_type": str(directory),
        "model_name": "BertForSequenceClassification",
        "tokenizer_name": "BertTokenizer",
        "num_classes": len(classes),
    }
    config = {"arch": {"args": architecture}, "dataset": {"args": {"classes": classes}}}
    checkpoint = directory / "tiny.ckpt"
    state = BertForSequenceClassification(_config(len(classes))).state_dict()
    torch.save({"config": config, "state_dict": state}, checkpoint)
    return {"checkpoint": str(checkpoint), "config": str(directory)}
