"""A prefix of learned keys and values, read for the cache that every prompt of its model starts with.

Axes: L layers, 2 for keys and values, H heads of the cache, P places before the prompt, D head width.
"""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from deploy.errors import EngineRefused

KIND = "PREFIX_TUNING"


def read_prefix(base: Any, path: str) -> Tensor | None:
    """Keys and values of a prefix, (L, 2, H, P, D), in the number type and place of `base`; None for another adapter.

    The layout is peft's: one row a place, which holds every layer's keys and then its values, head by head.
    Raises EngineRefused for a prefix with a projection, or one that does not fit the base.
    """
    config = json.loads((Path(path) / "adapter_config.json").read_text())
    if config.get("peft_type") != KIND:
        return None
    if config.get("prefix_projection"):
        raise EngineRefused("the engine serves prefixes without a projection", param="lora_path")
    shape = base.config
    n_heads = getattr(shape, "num_key_value_heads", None) or shape.num_attention_heads
    width = getattr(shape, "head_dim", None) or shape.hidden_size // shape.num_attention_heads
    rows_P_X: Tensor = load_file(Path(path) / "adapter_model.safetensors")["prompt_embeddings"]
    if rows_P_X.shape[1] != 2 * shape.num_hidden_layers * n_heads * width or not torch.isfinite(rows_P_X).all():
        raise EngineRefused("the prefix does not fit its base model, or is not finite", param="lora_path")
    by_place = rows_P_X.view(len(rows_P_X), shape.num_hidden_layers, 2, n_heads, width)
    return by_place.permute(1, 2, 3, 0, 4).to(device=base.device, dtype=base.dtype)
