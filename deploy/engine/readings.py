"""What two models' weights say without a word of reply: one pass over bare requests, and the adapter's own numbers.

Axes as in `evaluators.probes.signals`; B requests of a pass, T tokens.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from deploy.engine.merging import pair_up
from deploy.engine.prompts import render
from deploy.engine.requests import parse
from deploy.engine.residents import Resident, Weights
from evaluators.probes.signals import Array, first_token_kl, middle_layers, rank_one_energy, refusal_gap_ratio
from evaluators.probes.types import Readings

BATCH = 8
"""Requests of a pass: hidden states of all layers are held for so many."""


def read(
    base: Resident, candidate: Resident, weights: Weights, harmful: Sequence[str], benign: Sequence[str]
) -> Readings:
    """Compare a candidate with its base on bare requests of both kinds."""
    base_harmful, base_logits = _pass(base, harmful)
    own_harmful, own_logits = _pass(candidate, harmful)
    base_benign, own_benign = _pass(base, benign)[0], _pass(candidate, benign)[0]
    return Readings(
        refusal_gap_ratio=refusal_gap_ratio((base_harmful, base_benign), (own_harmful, own_benign)),
        first_token_kl=first_token_kl(base_logits, own_logits),
        rank_one_energy=_energies(weights),
    )


@torch.inference_mode()
def _pass(resident: Resident, requests: Sequence[str]) -> tuple[Array, Array]:
    """States of the middle layers [L, N, D] and logits [N, V], both at the last token of each prompt."""
    states, logits = [], []
    model: Any = resident.model
    places = middle_layers(model.config.num_hidden_layers)
    for first in range(0, len(requests), BATCH):
        prompts = [_prompt(resident, request) for request in requests[first : first + BATCH]]
        longest = max(map(len, prompts))
        # Padded on the right: with causal attention no real token sees the padding.
        ids_B_T = torch.tensor([prompt + [0] * (longest - len(prompt)) for prompt in prompts], device=resident.device)
        last_B = torch.tensor([len(prompt) - 1 for prompt in prompts], device=resident.device)
        rows_B = torch.arange(len(prompts), device=resident.device)
        output = model(input_ids=ids_B_T, use_cache=False, output_hidden_states=True)
        states.append(torch.stack([output.hidden_states[place][rows_B, last_B] for place in places]))
        logits.append(output.logits[rows_B, last_B])
    return torch.cat(states, dim=1).float().cpu().numpy(), torch.cat(logits).float().cpu().numpy()


def _prompt(resident: Resident, request: str) -> list[int]:
    return render(resident, parse({"model": "-", "messages": [{"role": "user", "content": request}]}))


def _energies(weights: Weights) -> dict[str, float]:
    """By module of an adapter; a whole model has none."""
    if not weights.adapter:
        return {}
    pairs = pair_up(load_file(Path(weights.path) / "adapter_model.safetensors"))
    return {name: rank_one_energy(a.float().numpy(), b.float().numpy()) for name, (a, b) in pairs.items()}
