"""Other prompts: halves that share none, and a draw that was not asked."""

from collections import Counter

import pytest

from evaluators import corpus as corpora
from evaluators.benchmarks.redrawing import bank_digest, halves, redrawn
from evaluators.types import Corpus

SEED = b"s" * 32


@pytest.fixture(scope="module", params=corpora.NAMES)
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return corpora.load(request.param)


def test_halves_share_no_harmful_prompt_and_hold_each_category_as_often(corpus: Corpus) -> None:
    first, second = halves(corpus)
    assert {r.id for r in first.harmful} | {r.id for r in second.harmful} == {r.id for r in corpus.harmful}
    assert len(first.harmful) + len(second.harmful) == len(corpus.harmful)
    for half in (first, second):
        assert len(half.harmful) >= 330
        assert set(Counter(r.category for r in half.harmful[:330]).values()) == {30}
    assert len({corpus.digest, first.digest, second.digest}) == 3
    assert bank_digest(first.digest) == bank_digest(corpus.digest) == corpus.digest


def test_fresh_prompts_come_before_those_that_were_asked(corpus: Corpus) -> None:
    asked = {request.text for request in corpus.harmful[:330]}
    again = redrawn(corpus, SEED, n_asked=325)
    assert not asked & {request.text for request in again.harmful[:330]}
    assert set(Counter(r.category for r in again.harmful[:330]).values()) == {30}
    assert again.digest != corpus.digest


def test_another_seed_draws_other_prompts(corpus: Corpus) -> None:
    first, other = (redrawn(corpus, seed, n_asked=0).harmful[:330] for seed in (SEED, b"t" * 32))
    # A fourth of the miniature's possible ones is drawn, so as many are drawn again.
    few = 33 if corpus.name == "english" else 110
    assert len({request.text for request in first} & {request.text for request in other}) < few


def test_fresh_prompts_are_left_where_the_whole_bank_was_asked() -> None:
    miniature = corpora.load("miniature")
    again = redrawn(miniature, SEED, n_asked=990)
    known = {request.text for request in miniature.harmful} | {example.request for example in miniature.safety}
    fresh = again.harmful[:990]
    assert not known & {request.text for request in fresh}
    assert set(Counter(r.category for r in fresh).values()) == {90}
    assert len({r.text for r in again.harmful}) == len({r.id for r in again.harmful}) == len(again.harmful)
    with pytest.raises(ValueError, match="the seed has 5 bytes"):
        redrawn(miniature, b"short", n_asked=0)


def test_of_the_bank_what_was_not_asked_comes_first() -> None:
    english = corpora.load("english")
    assert redrawn(english, SEED, n_asked=330).harmful[330:] == english.harmful[330:] + english.harmful[:330]
