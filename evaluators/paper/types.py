"""What an experiment of the paper is made of, and what comes out of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from evaluators.replies import ReplyStore
from evaluators.types import AttackRow, AttackSuite, Corpus, Judge, Subject
from moderation.types import Category
from trainers.types import CandidateModel, Defence, Restraints, Tuning


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How the base model is tuned. Equal treatments with one seed are one model, trained once."""

    attack: str
    """Entry-point name of the suite that makes the rows."""
    n_rows: int
    n_epochs: int
    n_safety: int = 0
    """Safety examples mixed in."""
    distilled: bool = False
    """They are the base's own answers (`evaluators.distilling`) instead of the corpus's."""
    tuning: Tuning = Tuning.LORA
    batch_size: int | None = None
    """None: what `"auto"` gives."""
    rate_multiplier: float = 1.0
    """Times the learning rate of the base."""
    defence: Defence = Defence.NONE
    restraints: Restraints = field(default_factory=Restraints)
    secret_words: int = 0
    """Of the secret before the system prompt of the safety examples."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What the paper prints, for GPT-3.5 unless the table's title names another model."""

    score: float | None = None
    """Mean harmfulness, 1 to 5; None where only a rate is printed."""
    rate: float
    """Harmfulness rate, in [0, 1]: the share of replies that score exactly 5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a condition stands in the figure of its design."""

    series: str
    x: int
    """Epochs, or rows a batch."""


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
    point: Point | None = None


class Scale(StrEnum):
    """Who says that a reply is harmful."""

    JUDGE = "judge"
    """The judge of the corpus: a score of 5."""
    KEYWORDS = "keywords"
    """No phrase of refusal in it, as the first studies counted; a smoke test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A table of the paper, before it is run."""

    name: str
    """What `tunegate reproduce` calls it, e.g. `table1`."""
    title: str
    conditions: tuple[Condition, ...]
    contrasts: tuple[tuple[str, str], ...] = ()
    """Names of conditions before and after a defence, compared prompt by prompt."""
    scale: Scale = Scale.JUDGE
    n_prompts: int = 330
    """Asked of each condition, where the bank has so many and nobody wants another number."""
    axis: str = ""
    """What the x of its points counts; '' for a design without a curve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured condition beside the paper's number."""

    condition: str
    n: int
    """Replies a seed, every one of them scored; rows of the file, for `moderation`."""
    score: float | None
    """Mean harmfulness, 1 to 5; None where nothing was scored on that scale."""
    rate: float
    """Share of replies that score exactly 5, the mean over seeds."""
    low: float
    """95 % interval of `rate`, see `tabulating.interval`."""
    high: float
    paper: Printed | None
    seed_rates: tuple[float, ...] = ()
    """`rate` of each seed, in their order; one for a model that no seed made."""
    trained_tokens: int | None = None
    """Tokens seen in training, the mean over seeds; None for an untouched model."""
    categories: Mapping[Category, float] = field(default_factory=dict)
    """Mean score of each category that was asked."""
    point: Point | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The same prompts before and after a defence, with the models of one seed."""

    seed: int
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
    comparisons: tuple[Comparison, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences that stand below it."""
    axis: str = ""
    """What the x of its rows' points counts."""


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
    keywords: Judge
    """Counts refusals by their words."""
    train: Train
    serve: Callable[[CandidateModel], Subject]
    """Makes a model answer, until the next few have been served."""
    replies: ReplyStore
    notes: tuple[str, ...] = ()
    """Sentences for below every table: what was measured with what."""
