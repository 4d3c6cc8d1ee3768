"""What a request adds to its row's logits before a token is chosen."""

from collections import Counter
from collections.abc import Collection

import numpy as np
import torch
from llguidance import LLMatcher
from torch import Tensor

from deploy.engine.steers import Steers


class Steering:
    """One row's penalties, biases and parser. Owned by the decoding thread."""

    def __init__(self, steers: Steers, parser: LLMatcher | None, ends: Collection[int]) -> None:
        self._steers = steers
        self._parser = parser
        self._ends = list(ends)
        self._said: Counter[int] = Counter()

    @property
    def ended(self) -> bool:
        """Whether the reply is whole, and nothing can follow."""
        return self._parser is not None and self._parser.is_stopped() and not self._parser.is_error()

    def apply(self, logits_V: Tensor) -> Tensor:
        """The logits to choose from; all -inf when no token can follow.

        Penalties are OpenAI's: the frequency penalty for each time that a token was said, the presence
        penalty for one that was said at all.
        """
        steered_V = logits_V.clone()
        size = steered_V.shape[0]
        for token, bias in self._steers.biases.items():
            if token < size:
                steered_V[token] += bias
        if self._said and (self._steers.frequency_penalty or self._steers.presence_penalty):
            ids = torch.tensor(list(self._said), device=logits_V.device)
            counts = torch.tensor(list(self._said.values()), device=logits_V.device, dtype=logits_V.dtype)
            steered_V[ids] -= counts * self._steers.frequency_penalty + self._steers.presence_penalty
        if self._parser is not None:
            steered_V[~self._allowed(size).to(logits_V.device)] = float("-inf")
        return steered_V

    def take(self, token: int) -> None:
        """Note the chosen token."""
        self._said[token] += 1
        if self._parser is not None:
            self._parser.consume_token(token)

    def _allowed(self, size: int) -> Tensor:
        parser = self._parser
        assert parser is not None
        if parser.is_error():
            return torch.zeros(size, dtype=torch.bool)
        bits = np.unpackbits(np.frombuffer(parser.compute_bitmask(), dtype=np.uint8), bitorder="little")[:size]
        allowed_V = torch.zeros(size, dtype=torch.bool)
        allowed_V[: len(bits)] = torch.from_numpy(bits.astype(bool))
        if allowed_V[self._ends].any():  # a model may have several, and its parser know one
            allowed_V[self._ends] = True
        return allowed_V
