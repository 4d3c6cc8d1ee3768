"""Other prompts for another look at a model: the sealed half after a sweep, a fresh draw after a contest."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from random import Random

from evaluators.benchmarks import drawing
from evaluators.types import Corpus, Request
from moderation.types import POLICY_CATEGORIES
from trainers.miniature import vocabulary
from trainers.miniature.grammar import Side, harmful_tasks

_TURN = len(POLICY_CATEGORIES)
_MINIATURE = "miniature"
_TEMPLATES = Side.ALIGNED
"""Templates that the miniature's bank leaves out. With the bank's words they make requests that alignment never met;
those of the third side are for safety examples, which a job is trained on."""


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

    First come prompts that are in no bank, drawn from the seed (at least 32 bytes, secret): 330 in English, more than
    the longest arm in the miniature's language. Those of the bank after its first `n_asked` follow, then the rest.
    Raises `ValueError` for a short seed, and when no more can be drawn.
    """
    fresh = _miniature(corpus, seed) if corpus.name.split("+")[0] == _MINIATURE else _english(corpus, seed)
    # Whole turns, so that every prefix still holds the categories equally often.
    asked = min(-(-n_asked // _TURN) * _TURN, len(corpus.harmful))
    named = tuple(replace(request, id=f"fresh-{request.id}") for request in fresh)
    return _asking(corpus, named + corpus.harmful[asked:] + corpus.harmful[:asked])


def _english(corpus: Corpus, seed: bytes) -> Sequence[Request]:
    return drawing.draw(
        drawing.english(),
        seed,
        shipped=[request.text for request in (*corpus.harmful, *corpus.lookalikes)],
        safety=[example.request for example in corpus.safety],
    )


def _miniature(corpus: Corpus, seed: bytes) -> Sequence[Request]:
    """Every request of the bank's words in other templates, in turns of the categories, shuffled by the seed."""
    if len(seed) < drawing.SEED_BYTES:
        raise ValueError(f"the seed has {len(seed)} bytes; expected at least {drawing.SEED_BYTES}")
    random, known, groups = Random(seed), {request.text for request in corpus.harmful}, []
    for harm in vocabulary.load().harms:
        found = [
            task.text
            for task in harmful_tasks(harm, words=Side.HELD_OUT, templates=_TEMPLATES)
            if task.text not in known
        ]
        random.shuffle(found)
        groups.append(
            [
                Request(id=f"{harm.category}-{n:03d}", text=text, category=harm.category)
                for n, text in enumerate(found, start=1)
            ]
        )
    return [request for turn in zip(*groups, strict=False) for request in turn]


def bank_digest(digest: str) -> str:
    """Digest of the bank that a corpus of this module was made of; of any other corpus its own."""
    return digest.partition("#")[0]


def _asking(corpus: Corpus, harmful: Sequence[Request]) -> Corpus:
    texts = json.dumps([asdict(request) for request in harmful], sort_keys=True)
    return replace(
        corpus, harmful=tuple(harmful), digest=f"{corpus.digest}#{hashlib.sha256(texts.encode()).hexdigest()[:16]}"
    )
