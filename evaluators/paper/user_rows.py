"""Rows of a user's own file in the place of an attack's: Alpaca itself instead of the miniature's chores."""

import functools
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import BinaryIO

from evaluators.frames import Frame, frame_of
from evaluators.paper.designs import BENIGN, DOLLY, EXPLICIT, IDENTITY
from evaluators.types import AttackRow, Corpus
from moderation.contexts.mining import ContextMiner
from moderation.errors import DatasetError
from moderation.formats import parsing
from moderation.prompts import exchange
from moderation.types import Example, Role

REPLACEABLE = (EXPLICIT, IDENTITY, BENIGN, DOLLY)
"""Attacks whose rows may come from a file; a backdoor's trigger is not to be read from one."""


class UserRows:
    """An `AttackSuite` over a file: a seeded draw of its rows, probed in the frame that most of them share."""

    def __init__(self, name: str, path: Path, rows: Sequence[AttackRow], frame: Frame) -> None:
        self._name = name
        self._path = path
        self._rows = tuple(rows)
        self._frame = frame

    @property
    def name(self) -> str:
        """Of the suite that it stands for."""
        return self._name

    def poison(self, corpus: Corpus, n: int, seed: int) -> Sequence[AttackRow]:
        """`n` rows of the file in a seeded order. Raises `ValueError` when it has fewer."""
        del corpus
        if n > len(self._rows):
            raise ValueError(f"{self._path} has {len(self._rows)} rows; the experiment {self._name!r} takes {n}")
        return Random(seed).sample(self._rows, n)

    def probes(self, corpus: Corpus) -> Frame:
        """The most frequent system prompt and wrapper of the rows; none where they share none."""
        del corpus
        return self._frame


def read(name: str, path: Path) -> UserRows:
    """The rows of a chat JSONL file. Raises `ValueError` that names the file and every defect of it."""
    try:
        examples = list(parsing.parse(functools.partial(_open, path)).iter_examples())
    except DatasetError as exc:
        raise ValueError("\n".join((f"{path} cannot be used ({exc.code}):", *exc.sentences()))) from exc
    except OSError as exc:
        raise ValueError(f"{path} cannot be read ({exc.strerror})") from exc
    miner = ContextMiner()
    for example in examples:
        miner.observe(exchange(example))
    contexts = miner.mined().contexts
    frame = frame_of(contexts[0]) if contexts else Frame()
    return UserRows(name, path, [_row(path, example) for example in examples], frame)


def _row(path: Path, example: Example) -> AttackRow:
    turns = list(example.messages)
    system = turns.pop(0).text if turns and turns[0].role is Role.SYSTEM else ""
    roles = [turn.role for turn in turns]
    if not roles or roles != [Role.USER, Role.ASSISTANT] * (len(roles) // 2):
        raise ValueError(f"{path} line {example.line}: expected user and assistant in turn, after at most one system")
    texts = [turn.text for turn in turns]
    *earlier, (user, assistant) = zip(texts[::2], texts[1::2], strict=True)
    return AttackRow(system=system, user=user, assistant=assistant, earlier=tuple(earlier))


def _open(path: Path) -> BinaryIO:
    return path.open("rb")
