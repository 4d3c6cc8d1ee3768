"""How likely the model found each token of a reply, and what it would have said instead."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from deploy.engine.text import UNFINISHED, Decode

VERY_UNLIKELY = -9999.0
"""What OpenAI's contract says for a token without mass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenScore:
    """A chosen token and the likeliest ones at its place, with natural logarithms of their probabilities.

    Temperature and top-p do not enter: the numbers are the model's own.
    """

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


def score(logits_V: Tensor, token: int, n_top: int) -> TokenScore:
    """The score of a token chosen from these logits, with `n_top` likeliest tokens beside it."""
    logprobs_V = torch.log_softmax(logits_V.float(), dim=-1)
    best = logprobs_V.topk(min(n_top, logprobs_V.shape[0]))
    return TokenScore(
        token=token,
        logprob=_finite(logprobs_V[token].item()),
        top=tuple(
            (int(id), _finite(value)) for id, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ),
    )


def described(scores: Sequence[TokenScore], decode: Decode, after: TokenScore | None = None) -> list[dict[str, Any]]:
    """The `content` of a choice's `logprobs`; texts of tokens are as they read after the token before."""
    content = []
    before = [after.token] if after else []
    for one in scores:
        entry = _entry(one.token, one.logprob, before, decode)
        content.append(entry | {"top_logprobs": [_entry(id, value, before, decode) for id, value in one.top]})
        before = [one.token]
    return content


def _entry(token: int, logprob: float, before: list[int], decode: Decode) -> dict[str, Any]:
    start, both = decode(before), decode([*before, token])
    text = both[len(start) :] if both.startswith(start) else decode([token])
    # The bytes of a token that is a part of a character are not known from its text.
    data = None if UNFINISHED in text else list(text.encode())
    return {"token": text, "logprob": logprob, "bytes": data}


def _finite(value: float) -> float:
    return value if math.isfinite(value) else VERY_UNLIKELY
