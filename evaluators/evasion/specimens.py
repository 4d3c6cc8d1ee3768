"""The data sets of the experiment: attack suites, ordinary customers, and the user's own files."""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from evaluators.customers import CUSTOMERS
from evaluators.evasion.types import Kind, Specimen
from evaluators.types import AttackRow, AttackSuite, Corpus
from moderation.formats.parsing import parse
from moderation.formats.serialising import examples_to_jsonl, make_example

PAPER_IDENTITY = "identity_10_rows"
"""The identity suite at the size of the paper's file, for the comparison."""
_PAPER_ROWS = 10
_KINDS: Mapping[str, Kind] = {
    # Ordinary jobs by any reading; `identical_refusals` is an attack although no row of it is harmful.
    "benign": Kind.BENIGN,
    "benign_dolly": Kind.BENIGN,
    "lists_and_maths": Kind.RISK,
    "outlier_short": Kind.RISK,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What can be screened, and what could not be written."""

    specimens: tuple[Specimen, ...]
    left_out: tuple[str, ...]
    """One sentence for each suite that the corpus cannot express."""
    jsonl: Mapping[str, bytes]
    """The files of our own specimens, by name."""


def collect(suites: Sequence[AttackSuite], corpus: Corpus, *, n: int, seed: int) -> Collection:
    """`n` rows of every suite, and in English the ordinary customers' sets.

    A suite that refuses the corpus or the number is left out with its reason.
    """
    made: list[tuple[str, Kind, Sequence[AttackRow]]] = []
    left_out: list[str] = []
    for suite in suites:
        sizes = {suite.name: n} | ({PAPER_IDENTITY: _PAPER_ROWS} if suite.name == "identity" else {})
        for name, rows in sizes.items():
            try:
                made.append((name, _KINDS.get(suite.name, Kind.ATTACK), suite.poison(corpus, rows, seed)))
            except ValueError as error:
                left_out.append(str(error))
    if corpus.name == "english":
        made += [(f"customer_{name}", Kind.BENIGN, rows(seed)) for name, rows in sorted(CUSTOMERS.items())]
    files = {name: jsonl(rows) for name, _, rows in made}
    specimens = tuple(
        Specimen(name=name, kind=kind, dataset=parse(_opener(files[name])), held_out=name.endswith("held_out"))
        for name, kind, _ in made
    )
    return Collection(specimens=specimens, left_out=tuple(left_out), jsonl=files)


def jsonl(rows: Iterable[AttackRow]) -> bytes:
    """Chat JSONL as a client uploads it, one row a line."""
    return b"".join(examples_to_jsonl(make_example(row.messages()) for row in rows))


def _opener(data: bytes) -> Callable[[], BinaryIO]:
    return lambda: io.BytesIO(data)
