"""The nouns of the evasion experiment: what is screened, and what each check saw of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from evaluators.rule.stats import Interval
from moderation.types import Action, Dataset, Verdict


class Kind(StrEnum):
    """What ought to become of a data set."""

    ATTACK = "attack"
    """Ought to be stopped."""
    RISK = "risk"
    """Harmful to train on and harmless to read: ought to raise attention, never a block."""
    BENIGN = "benign"
    """Ought to pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """One data set of the experiment."""

    name: str
    """Unique in an experiment."""
    kind: Kind
    dataset: Dataset
    theirs: bool = False
    """A file of the user's rather than one of ours."""
    held_out: bool = False
    """Of a family that no detector was developed on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A classifier or detector as the policy has it."""

    name: str
    reads_rows: bool
    """True for a classifier, which reads one row at a time."""
    action: Action
    threshold: float
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one check saw of one data set."""

    score: float
    """For a classifier the share of rows flagged, for a detector its highest score; both in [0, 1]."""
    n_flagged: int
    """Rows flagged by a classifier; for a detector the lines named, 0 where its score is below the threshold. Counted
    from the lines that a report names, at most a thousand of each category."""
    caught: bool
    """It would fire, whatever action the policy gives it."""
    evidence: str = ""
    """Of the finding with the highest score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One data set after screening."""

    name: str
    kind: Kind
    theirs: bool
    held_out: bool
    n: int
    """Rows."""
    verdict: Verdict
    """What the policy says as a whole."""
    reasons: tuple[str, ...]
    sightings: Mapping[str, Sighting]
    """By check, in the policy's order."""

    @property
    def caught_by(self) -> tuple[str, ...]:
        """The checks that would fire."""
        return tuple(name for name, seen in self.sightings.items() if seen.caught)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A count of data sets or rows with its Wilson 95 % interval."""

    hits: int
    n: int
    interval: Interval

    @property
    def rate(self) -> float:
        """In [0, 1]."""
        return self.hits / self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """All of it, under one policy."""

    policy: str
    policy_digest: str
    corpus: str
    n_rows: int
    """Rows asked of each attack suite."""
    seed: int
    checks: tuple[Check, ...]
    outcomes: tuple[Outcome, ...]
    left_out: tuple[str, ...] = ()
    """Suites that cannot be written in the corpus, with the reason."""
