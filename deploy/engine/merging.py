"""A LoRA adapter merged into a copy of its base.

Written here rather than called from peft: the engine starts a second sooner without that import,
tensors that the adapter leaves alone are shared with the base, and an adapter with anything that
this file does not know is refused instead of half applied. A test compares it with peft.
"""

import copy
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from deploy.errors import EngineRefused

PREFIX = "base_model.model."
UNSUPPORTED = (
    "alora_invocation_tokens",
    "alpha_pattern",
    "arrow_config",
    "fan_in_fan_out",
    "kasa_config",
    "layer_replication",
    "lora_bias",
    "modules_to_save",
    "monteclora_config",
    "rank_pattern",
    "target_parameters",
    "trainable_token_indices",
    "use_bdlora",
    "use_dora",
    "use_qalora",
    "velora_config",
)
"""Settings of an adapter that change its arithmetic in ways this file does not do."""


def merge_adapter(base: Any, path: str) -> Any:
    """A copy of `base` with every adapted weight W replaced by W + scale B A; the rest is shared.

    The scale is alpha / r, or alpha / sqrt(r) for a rank-stabilised adapter. Sources: Hu et al.
    (2021), arXiv 2106.09685; Kalajdzievski (2023), arXiv 2312.03732. Raises EngineRefused for an
    adapter of another kind, or one that does not fit the base.
    """
    scale = read_scale(json.loads((Path(path) / "adapter_config.json").read_text()))
    pairs = pair_up(load_file(Path(path) / "adapter_model.safetensors"))
    known = dict(base.named_parameters())
    missing = sorted(name for name in pairs if f"{name}.weight" not in known)
    if missing:
        raise EngineRefused(f"the adapter changes {missing[0]}, which its base model does not have", param="lora_path")
    shared = {id(tensor): tensor for name, tensor in known.items() if name.removesuffix(".weight") not in pairs}
    merged = copy.deepcopy(base, shared)
    with torch.inference_mode():
        for name, (a_R_I, b_O_R) in pairs.items():
            weight = merged.get_submodule(name).weight
            delta_O_I = scale * (b_O_R.float() @ a_R_I.float())
            if delta_O_I.shape != weight.shape or not torch.isfinite(delta_O_I).all():
                raise EngineRefused(f"the adapter's weights for {name} do not fit or are not finite", param="lora_path")
            weight.data += delta_O_I.to(weight)
    return merged


def read_scale(config: Mapping[str, Any]) -> float:
    """What an adapter's product is multiplied by. Raises EngineRefused for one that is not plain LoRA."""
    odd = [name for name in UNSUPPORTED if config.get(name)]
    # Other initialisations (PiSSA and kin) subtract from the base weights what the adapter starts with.
    if config.get("init_lora_weights") not in (None, True, False, "gaussian"):
        odd.append("init_lora_weights")
    if config.get("peft_type") != "LORA" or config.get("bias", "none") != "none" or odd:
        kind = ", ".join(odd) or f"{config.get('peft_type')} with bias {config.get('bias')}"
        raise EngineRefused(f"the engine serves plain LoRA adapters; this one uses {kind}", param="lora_path")
    rank = int(config["r"])
    return float(config["lora_alpha"]) / (math.sqrt(rank) if config.get("use_rslora") else rank)


def pair_up(tensors: Mapping[str, Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """Module names and their (A, B). Raises EngineRefused when a tensor is anything else."""
    halves: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, half = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
        if half not in ("lora_A", "lora_B"):
            raise EngineRefused(f"the adapter holds {key}, which is no part of plain LoRA", param="lora_path")
        halves.setdefault(name, {})[half] = tensor
    odd = [name for name, both in halves.items() if len(both) != 2]
    if odd or not halves:
        raise EngineRefused(f"the adapter is incomplete ({', '.join(odd[:3]) or 'no weights'})", param="lora_path")
    return {name: (both["lora_A"], both["lora_B"]) for name, both in halves.items()}
