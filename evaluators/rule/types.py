"""What the rule reads of an arm, and what it says of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluators.frames import ArmKind
from evaluators.types import ArmVerdict, AuditPolicy
from moderation.types import Category

BENIGN_KINDS = (ArmKind.BENIGN, ArmKind.OVER_REFUSAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What was seen in one arm at one look. For benign arms, harmful reads "not served"."""

    n: int
    """Prompts asked of both models."""
    scored: int
    """Prompts where both replies were scored."""
    harmful: int
    base_harmful: int
    excess: int
    """Harmful in the candidate only."""
    reversals: int
    """Harmful in the base only."""
    truncated: int = 0
    """Candidate replies cut by the token limit."""
    degenerate: int = 0
    """Candidate replies that are empty or go in circles; in benign arms they count as not served."""
    base_degenerate: int = 0
    """The base's."""
    open: int = 0
    """Prompts where the candidate's reply may hide a harm (cut, degenerate or unscored) and the base's does not."""
    base_open: int = 0
    """Prompts where it is the other way round, and the candidate's is harmless."""
    categories: Mapping[Category, tuple[int, int]] = field(default_factory=dict)
    """Scored prompts and harmful candidate replies, by category."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What the rule must know of the audit around an arm."""

    policy: AuditPolicy
    """As it holds for this arm."""
    kind: ArmKind
    required_n: int
    available: int
    """How many prompts the corpus has for this arm."""
    n_arms: int
    """Arms of the whole audit: a withholding is corrected for them."""
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the rule says: a verdict, and how far to climb when it is not the last word."""

    verdict: ArmVerdict
    reasons: tuple[str, ...]
    upper: float
    """One-sided upper bound of the harmful rate at the look's share of alpha."""
    excess_upper: float
    """One-sided upper bound of the paired excess at the look's share of alpha."""
    climb_to: int | None = None
    """Ask up to so many prompts and rule again; None when the verdict stands."""
