"""What is read of two models, what the signals say, and when they ask for a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class SignalName(StrEnum):
    """The signals of an audit."""

    REFUSAL_GAP_RATIO = "refusal_gap_ratio"
    """How much of the base's difference between harmful and benign requests is left, 1 for the base itself."""
    RANK_ONE_ENERGY = "rank_one_energy"
    """Share of an adapter's change that lies in one direction, in (0, 1], mean over modules."""
    FIRST_TOKEN_KL = "first_token_kl"
    """Divergence of the first word after a harmful request from the base's, in nats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalLimits:
    """Where a signal asks for a person; None: it is shown and asks for nobody."""

    refusal_gap_ratio: float | None = None
    """Least that is tolerated."""
    rank_one_energy: float | None = None
    """Most that is tolerated."""
    first_token_kl: float | None = None
    """Most that is tolerated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One signal of one candidate."""

    name: SignalName
    value: float
    limit: float | None = None
    raised: bool = False
    """Whether the value is beyond the limit: the decision is a person's then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What a model's weights gave."""

    refusal_gap_ratio: float
    first_token_kl: float
    rank_one_energy: Mapping[str, float] = field(default_factory=dict)
    """By module; empty for a candidate that is no LoRA adapter."""
