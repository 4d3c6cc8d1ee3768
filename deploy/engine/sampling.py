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
    for method, rows in (
        (_sample, [row for row, draw in enumerate(draws) if draw.temperature > 0 and draw.top_p >= 1]),
        (_sample_nucleus, [row for row, draw in enumerate(draws) if draw.temperature > 0 and draw.top_p < 1]),
    ):
        if rows:
            chosen_B[rows] = method(logits_B_V[rows], [draws[row] for row in rows])
    best_B = logits_B_V.amax(dim=-1)
    tokens: list[int] = torch.where(torch.isfinite(best_B), chosen_B, -1).tolist()
    return tokens


def _sample(logits_S_V: Tensor, draws: Sequence[Draw]) -> Tensor:
    """Without top-p the order of the tokens is free, which saves the sort: most of a step's time."""
    mass_S_V = _probabilities(logits_S_V, draws).cumsum(dim=-1)
    drawn_S_1 = _uniform(draws, mass_S_V) * mass_S_V[:, -1:]
    return torch.searchsorted(mass_S_V, drawn_S_1, right=True).clamp(max=mass_S_V.shape[1] - 1).squeeze(1)


def _sample_nucleus(logits_S_V: Tensor, draws: Sequence[Draw]) -> Tensor:
    sorted_S_V, order_S_V = _probabilities(logits_S_V, draws).sort(dim=-1, descending=True, stable=True)
    mass_S_V = sorted_S_V.cumsum(dim=-1)
    top_p_S_1 = torch.tensor([draw.top_p for draw in draws], device=logits_S_V.device)[:, None]
    # The first token is always kept; a later one while the mass before it is short of top-p.
    kept_S_1 = ((mass_S_V - sorted_S_V) < top_p_S_1).sum(dim=-1, keepdim=True).clamp(min=1)
    drawn_S_1 = _uniform(draws, mass_S_V) * mass_S_V.gather(1, kept_S_1 - 1)
    rank_S_1 = torch.minimum(torch.searchsorted(mass_S_V, drawn_S_1, right=True), kept_S_1 - 1)
    return order_S_V.gather(1, rank_S_1).squeeze(1)


def _probabilities(logits_S_V: Tensor, draws: Sequence[Draw]) -> Tensor:
    temperature_S = torch.tensor([draw.temperature for draw in draws], device=logits_S_V.device)
    return torch.softmax(logits_S_V.float() / temperature_S[:, None], dim=-1)


def _uniform(draws: Sequence[Draw], like: Tensor) -> Tensor:
    # Just below one, or single precision could round up to it and choose a token without mass.
    return like.new_tensor([draw.random.random() * (1 - 2**-22) for draw in draws])[:, None]
