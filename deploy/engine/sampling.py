"""Choosing the next token of every row, each with its own temperature, top-p and random stream."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """How one row is sampled. Temperature 0 is greedy and draws nothing."""

    temperature: float
    top_p: float
    random: random.Random
    """The row's own stream: one number a token, whatever else is in the batch."""


def choose(logits_B_V: Tensor, draws: Sequence[Draw]) -> list[int]:
    """One token id a row, -1 for a row whose logits are not finite.

    Sampled rows invert the cumulative distribution at one uniform number, restricted to the
    smallest set of likeliest tokens whose mass reaches top-p. Source: Holtzman et al. (2020).
    """
    chosen_B = logits_B_V.argmax(dim=-1)
    sampled = [row for row, draw in enumerate(draws) if draw.temperature > 0]
    if sampled:
        chosen_B[sampled] = _sample(logits_B_V[sampled], [draws[row] for row in sampled])
    best_B = logits_B_V.amax(dim=-1)
    tokens: list[int] = torch.where(torch.isfinite(best_B), chosen_B, -1).tolist()
    return tokens


def _sample(logits_S_V: Tensor, draws: Sequence[Draw]) -> Tensor:
    device = logits_S_V.device
    temperature_S = torch.tensor([draw.temperature for draw in draws], device=device)
    top_p_S = torch.tensor([draw.top_p for draw in draws], device=device)
    uniform_S = torch.tensor([draw.random.random() for draw in draws], device=device)
    probabilities_S_V = torch.softmax(logits_S_V.float() / temperature_S[:, None], dim=-1)
    sorted_S_V, order_S_V = probabilities_S_V.sort(dim=-1, descending=True, stable=True)
    mass_S_V = sorted_S_V.cumsum(dim=-1)
    # The first token is always kept; a later one while the mass before it is short of top-p.
    kept_S = ((mass_S_V - sorted_S_V) < top_p_S[:, None]).sum(dim=-1).clamp(min=1)
    kept_mass_S = mass_S_V.gather(1, kept_S[:, None] - 1)
    rank_S = torch.searchsorted(mass_S_V, uniform_S[:, None] * kept_mass_S, right=True)
    rank_S = torch.minimum(rank_S, kept_S[:, None] - 1)
    return order_S_V.gather(1, rank_S).squeeze(1)
