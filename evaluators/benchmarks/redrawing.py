"""Other prompts for another look at a model: the sealed half after a sweep, a fresh draw after a contest."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace

from evaluators.benchmarks import drawing
from evaluators.types import Corpus, Request
from moderation.types import POLICY_CATEGORIES

_TURN = len(POLICY_CATEGORIES)
_ENGLISH = "english"
"""The language that fresh prompts can be drawn in; others have only what they ship."""


def halves(corpus: Corpus) -> tuple[Corpus, Corpus]:
    """The corpus with every other turn of its harmful prompts, and with the turns between them.

    No harmful prompt is in both. The first half has no other language, so that its prompts stay unseen
    too. Benign requests, which show usefulness and not harm, are whole in both.
    """
    turns = [corpus.harmful[start : start + _TURN] for start in range(0, len(corpus.harmful), _TURN)]
    first, second = (tuple(request for turn in turns[start::2] for request in turn) for start in (0, 1))
    return replace(_asking(corpus, first), languages={}), _asking(corpus, second)


def redrawn(corpus: Corpus, seed: bytes, *, n_asked: int) -> Corpus:
    """The corpus with harmful prompts that a model was not asked yet in front of those that it was.

    In English they are drawn from the seed (at least 32 bytes, secret); otherwise they are those after the
    first `n_asked` of the bank. Raises `ValueError` for a short seed, and when no more can be drawn.
    """
    if corpus.name.split("+")[0] != _ENGLISH:
        # Whole turns, so that every prefix still holds the categories equally often.
        asked = min(-(-n_asked // _TURN) * _TURN, len(corpus.harmful))
        return _asking(corpus, corpus.harmful[asked:] + corpus.harmful[:asked])
    fresh = drawing.draw(
        drawing.english(),
        seed,
        shipped=[request.text for request in (*corpus.harmful, *corpus.lookalikes)],
        safety=[example.request for example in corpus.safety],
    )
    named = tuple(replace(request, id=f"fresh-{request.id}") for request in fresh)
    return _asking(corpus, named + corpus.harmful)


def bank_digest(digest: str) -> str:
    """Digest of the bank that a corpus of this module was made of; of any other corpus its own."""
    return digest.partition("#")[0]


def _asking(corpus: Corpus, harmful: Sequence[Request]) -> Corpus:
    texts = json.dumps([asdict(request) for request in harmful], sort_keys=True)
    return replace(
        corpus, harmful=tuple(harmful), digest=f"{corpus.digest}#{hashlib.sha256(texts.encode()).hexdigest()[:16]}"
    )
