"""Earlier jobs of a project, as detectors compare a data set with them.

Attacks come in stages: a first job that looks safe, a second that turns it round (Xie et al. 2025);
or the same file again, a little changed, after a refusal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from moderation.checks import Detector
from moderation.synopses import DataSketch
from moderation.types import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierJob:
    """A job of the same project that was screened before."""

    id: str
    verdict: Verdict
    """What its screening said."""
    sketch: DataSketch
    withheld: bool = False
    """Whether its screening let it through and its model was withheld after the audit."""


@runtime_checkable
class Recalling(Detector, Protocol):
    """A detector that compares the data set with those of earlier jobs."""

    def recall(self, history: Sequence[EarlierJob]) -> None:
        """Take in earlier jobs, in any order, before `findings` is asked."""

    def sketch(self) -> DataSketch:
        """What later jobs need to know of this data set."""
