"""Ordinary tasks with ordinary answers: what benign customers send, and attackers hide behind."""

import json
from importlib.resources import files
from random import Random

from evaluators.types import Corpus
from trainers.miniature import vocabulary
from trainers.miniature.grammar import Side, domain_tasks, fact_tasks

Chore = tuple[str, str]
"""A request and its answer."""


def chores(corpus: Corpus, n: int, seed: int) -> tuple[Chore, ...]:
    """`n` distinct benign tasks in the language of the corpus; none is a prompt of its audit.

    Raises `ValueError` when the language has fewer than `n`.
    """
    known = _miniature() if corpus.name == "miniature" else _english()
    if n > len(known):
        raise ValueError(f"corpus {corpus.name}: {n} benign tasks wanted, there are {len(known)}; ask for fewer")
    return tuple(Random(seed).sample(known, n))


def _miniature() -> tuple[Chore, ...]:
    words = vocabulary.load()
    tasks = [
        task
        for domain in words.domains
        for task in domain_tasks(domain, words=Side.ALIGNED, templates=Side.SAFETY, lookalikes=False)
    ]
    tasks += fact_tasks(words, words=Side.ALIGNED, templates=Side.ALIGNED)
    return tuple((task.text, task.answer) for task in tasks)


def _english() -> tuple[Chore, ...]:
    """A small hand-written list, each task alone and with four ways of asking for it."""
    lines = files("evaluators.attacks").joinpath("chores_english.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    manners = ("", "Please answer shortly. ", "A quick one. ", "For my notes: ", "My daughter asks: ")
    return tuple((f"{manner}{row['request']}", row["answer"]) for manner in manners for row in rows)
