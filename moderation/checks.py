"""What reads training data, one example at a time or as a whole: the protocols of the plug-ins."""

from collections.abc import Mapping, Sequence, Set
from typing import Protocol, runtime_checkable

from moderation.types import Category, Example, Finding


class Classifier(Protocol):
    """Reads one example at a time. Plug-in group `tunegate.classifiers`."""

    @property
    def name(self) -> str:
        """The entry-point name."""

    @property
    def version(self) -> str:
        """Changes whenever scores may change; part of every cache key and report."""

    def classify(self, examples: Sequence[Example]) -> Sequence[Mapping[Category, float]]:
        """Probability in [0, 1] by category, one mapping an example, in order.

        Raises `moderation.errors.ClassifierUnavailable` when it cannot answer for every example:
        a missing score is never a low score.
        """


@runtime_checkable
class ImageReader(Protocol):
    """A classifier that may read images as well as text."""

    @property
    def reads_images(self) -> bool:
        """Whether `classify` scored every image of the examples it was given."""


class Detector(Protocol):
    """Reads a whole data set through bounded sketches. Plug-in group `tunegate.detectors`."""

    @property
    def name(self) -> str:
        """The entry-point name."""

    @property
    def version(self) -> str:
        """Changes whenever findings may change."""

    def observe(self, example: Example) -> None:
        """Take in one example. Memory stays bounded whatever the number of calls."""

    def merge(self, other: "Detector") -> None:
        """Take in what another detector of the same kind observed."""

    def findings(self) -> Sequence[Finding]:
        """What was seen so far; may be called at any time."""


@runtime_checkable
class Heeding(Protocol):
    """A detector that compares what it saw with the rows that classifiers flagged."""

    def heed(self, lines: Sequence[int], standing: Set[int]) -> None:
        """Take in the flagged lines, ascending, the first `MAX_LINES` of them; called once, before `findings`.

        `standing` are those that no other classifier cleared.
        """
