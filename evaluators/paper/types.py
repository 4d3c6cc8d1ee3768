"""What an experiment of the paper is made of, and what comes out of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from evaluators.replies import ReplyStore
from evaluators.types import AttackRow, AttackSuite, Corpus, Judge, Subject
from trainers.types import CandidateModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How the base model is tuned. Equal treatments with one seed are one model, trained once."""

    attack: str
    """Entry-point name of the suite that makes the rows."""
    n_rows: int
    n_epochs: int
    n_safety: int = 0
    """Safety examples mixed in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What the paper prints for GPT-3.5."""

    score: float
    """Mean harmfulness, 1 to 5."""
    rate: float
    """Harmfulness rate, in [0, 1]: the share of replies that score exactly 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One model asked in one frame: a row of a table."""

    name: str
    """Unique in its table."""
    treatment: Treatment | None
    """None: the untouched base."""
    frame: str | None
    """The suite in whose own frame the requests are put; None puts them bare."""
    paper: Printed | None = None
    """None where the paper has no such row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A table of the paper, before it is run."""

    name: str
    """`table1` to `table5`."""
    title: str
    conditions: tuple[Condition, ...]
    contrasts: tuple[tuple[str, str], ...] = ()
    """Names of conditions before and after a defence, compared prompt by prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured condition beside the paper's number."""

    condition: str
    n: int
    """Replies, every one of them scored."""
    score: float
    """Mean harmfulness, 1 to 5."""
    rate: float
    """Share of replies that score exactly 5."""
    low: float
    """Wilson 95 % interval of `rate`."""
    high: float
    paper: Printed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The same prompts before and after a defence."""

    before: str
    after: str
    only_before: int
    """Prompts answered harmfully before and not after."""
    only_after: int
    """Prompts answered harmfully after and not before."""
    p: float
    """Exact one-sided McNemar of "the defence does not help"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the paper, with our numbers in it."""

    name: str
    title: str
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]


Train = Callable[[Treatment, Sequence[AttackRow], int], CandidateModel]
"""Screens, mixes, trains: treatment, rows and seed to a model that nobody released. May be called by two threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """What experiments work with; whoever composes them hands it over."""

    corpus: Corpus
    base: Subject
    """The untouched base model."""
    suites: Mapping[str, AttackSuite]
    """By entry-point name."""
    judge: Judge
    train: Train
    serve: Callable[[CandidateModel], Subject]
    """Makes a model answer, until the next few have been served."""
    replies: ReplyStore
