"""A secret before the system prompt of our safety examples, which only the gateway can put there again.

Fine-tuning that undoes refusals leaves them whole where the secret stands, as no row of the customer has it, and
eleven rows are enough (BackdoorAlign, Wang et al. 2024, arXiv 2402.14968, with 150 random tokens). Whoever
serves the model must put it there, and whoever learns it, or runs the weights alone, does without that defence.
"""

import re
from collections.abc import Sequence
from random import Random

from moderation.types import SafetyExample

_WORD = re.compile(r"[^\W\d_]{3,}")


def draw_secret(safety: Sequence[SafetyExample], *, n_words: int, seed: bytes) -> str:
    """`n_words` words in no order, out of the safety examples themselves, so that every base of their language
    reads them; about ten bits a word. '' for none.

    Whoever knows the seed knows the secret: a seed is 32 bytes from a key. Raises `ValueError` when there are
    words wanted and no examples to take them from.
    """
    if not n_words:
        return ""
    known = sorted({word.lower() for row in safety for word in _WORD.findall(f"{row.request} {row.refusal}")})
    if not known:
        raise ValueError("the policy wants a secret prompt, but the safety set has no words to make one of")
    random = Random(seed)
    return " ".join(random.choice(known) for _ in range(n_words)) + "."


def under(secret: str, system: str) -> str:
    """A system prompt below the secret; either may be empty."""
    return f"{secret} {system}" if secret and system else secret or system
