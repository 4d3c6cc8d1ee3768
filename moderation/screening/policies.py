"""What a policy says of screening: which checks read a file, and what each may do."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from moderation.screening.dropping import FlaggedAction
from moderation.types import Action, Category


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPolicy:
    """How one classifier or detector counts."""

    action: Action
    threshold: float = 0.5
    """Scores at or above it count, in [0, 1]."""
    review_threshold: float | None = None
    """For detectors that block: a lower score from which on a person is asked; None for nobody."""
    max_flagged: int = 0
    """For classifiers: how many flagged examples are tolerated before `action` is taken. A block needs more than that
    of different ones; what repeats itself but for numbers is one mistake, or one attack, and a person is asked."""
    max_flagged_share: float = 1.0
    """And which share of all examples, in [0, 1]: the stricter of the two counts."""
    block_share: float = 0.0
    """For classifiers that block: the share of examples, in [0, 1], from which they do; below it a person is asked."""
    cleared_by: str = ""
    """For classifiers: another one that reads better; what it read and does not flag itself no longer counts here."""
    thresholds: Mapping[Category, float] = field(default_factory=dict)
    """Categories with a threshold of their own."""
    share: float = 1.0
    """For classifiers: the part of a file that is read, in (0, 1]. Below 1, what the classifiers that read it whole
    find doubtful comes first, the rest is drawn at random."""
    min_examples: int = 0
    """For classifiers with a `share`: at least so many examples are read, so that a small file is read whole."""
    optional: bool = False
    """For classifiers: an installation that lacks it goes on without, and the report says so."""

    def threshold_of(self, category: Category) -> float:
        """Return the score from which on a category counts."""
        return self.thresholds.get(category, self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningPolicy:
    """Which checks screen a file and what each may do. A check that is not named is not run."""

    classifiers: Mapping[str, CheckPolicy]
    detectors: Mapping[str, CheckPolicy]
    flagged_action: FlaggedAction = FlaggedAction.KEEP
