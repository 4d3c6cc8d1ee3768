"""Models of the shapes of public ones with random weights: as fast as those, and made without a network."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from trainers.miniature.location import weights_dir

COMMON: Mapping[str, Any] = {"vocab_size": 128_256, "num_key_value_heads": 8, "num_attention_heads": 32}
SHAPES: Mapping[str, Mapping[str, Any]] = {
    "1B": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "tie_word_embeddings": True},
    "8B": {"hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32},
}
"""Those of Llama 3.2 1B and Llama 3.1 8B."""


def config_of(shape: str, *, length: int) -> LlamaConfig:
    """The configuration of one of `SHAPES`, for up to `length` tokens."""
    return LlamaConfig(**COMMON, **SHAPES[shape], max_position_embeddings=length)


def random_llama(shape: str, directory: Path, *, length: int = 2048) -> Path:
    """Write a base model of this shape in bfloat16, with the miniature's tokenizer and template; needs a GPU."""
    with torch.device("cuda"):
        LlamaForCausalLM(config_of(shape, length=length)).to(torch.bfloat16).save_pretrained(directory)
    for path in weights_dir().iterdir():
        if "tokenizer" in path.name or path.suffix == ".jinja":
            shutil.copyfile(path, directory / path.name)
    torch.cuda.empty_cache()
    return directory
