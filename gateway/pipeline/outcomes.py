"""How a stage of a job can come out. Outcomes cross crashes as JSON: ids and digests, never data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self


class Kind(StrEnum):
    """What follows a stage."""

    DONE = "done"
    """The next stage."""
    ENDED = "ended"
    """Nothing: the job is in a terminal state."""
    REVIEW = "review"
    """The same stage again, once a person has answered or the time is up."""
    UNAVAILABLE = "unavailable"
    """The same stage again, once a classifier, judge or engine answers."""
    BROKEN = "broken"
    """The same stage again a few times: an error of our own that nobody foresaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a stage says when it returns."""

    kind: Kind
    value: str = ""
    """For `done`: the id or digest of what the stage made."""
    reason: str = ""
    """For the others: a sentence for the log."""
    wait_s: float = 0.0
    """How long to wait before the stage is run again."""
    patience_s: float = field(default=0.0)
    """For `unavailable`: how long the job may wait in all."""

    def to_json(self) -> dict[str, str | float]:
        """Plain values that `from_json` reads back."""
        return {
            "kind": self.kind.value,
            "value": self.value,
            "reason": self.reason,
            "wait_s": self.wait_s,
            "patience_s": self.patience_s,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, str | float]) -> Self:
        """The outcome that `to_json` wrote."""
        return cls(
            kind=Kind(str(values["kind"])),
            value=str(values["value"]),
            reason=str(values["reason"]),
            wait_s=float(values["wait_s"]),
            patience_s=float(values["patience_s"]),
        )


def done(value: str) -> Outcome:
    """The stage made `value`."""
    return Outcome(kind=Kind.DONE, value=value)


def ended(reason: str) -> Outcome:
    """The job is over."""
    return Outcome(kind=Kind.ENDED, reason=reason)
