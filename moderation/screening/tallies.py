"""Counting what classifiers flag in a file, and what a policy makes of it."""

import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from moderation.checks import Classifier
from moderation.errors import ClassifierUnavailable
from moderation.screening.policies import CheckPolicy
from moderation.types import MAX_LINES, Action, Category, Example, Finding, Scope, Verdict

VERDICTS = {Action.RECORD: Verdict.PASS, Action.REVIEW: Verdict.REVIEW, Action.BLOCK: Verdict.BLOCK}
"""The verdict of a check that fires."""
MAX_CLEARABLE = 10_000
"""Flagged lines that are remembered until another classifier may clear them; those after them count."""
_NO_LETTERS = str.maketrans("", "", string.punctuation + string.digits)


class Lines:
    """Line numbers: the first `MAX_LINES`, and how many there were."""

    def __init__(self) -> None:
        self.n = 0
        self._last = 0
        self.first: list[int] = []

    def add(self, line: int) -> None:
        """Add a line; lines come in ascending order, and the two sides of a preference row count once."""
        if line == self._last:
            return
        self._last = line
        self.n += 1
        if len(self.first) < MAX_LINES:
            self.first.append(line)

    def joined(self, others: Collection[int]) -> "Lines":
        """These lines and others that are not among them."""
        both = Lines()
        both.first = sorted((*self.first, *others))[:MAX_LINES]
        both.n = self.n + len(others)
        return both

    def __str__(self) -> str:
        """Name the first ten."""
        return shown(self.first, self.n)


def shown(lines: Sequence[int], n: int) -> str:
    """Name the first ten of `n` lines."""
    return ", ".join(map(str, lines[:10])) + (f" and {n - 10} more" if n > 10 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a classifier said of one example."""

    score: float
    """Its highest probability."""
    flagged: bool


class Tally:
    """What one classifier flagged so far."""

    def __init__(self, classifier: Classifier, policy: CheckPolicy) -> None:
        self.name = classifier.name
        self.version = classifier.version
        self.policy = policy
        self.flagged = Lines()
        self.n_read = 0
        self._distinct: set[int] = set()
        self._clearable: set[int] = set()
        self._cleared: set[int] = set()
        self._classifier = classifier
        self._least = min((policy.threshold, *policy.thresholds.values()))
        self._by_category: dict[Category, Lines] = {}
        self._rejected: dict[Category, Lines] = {}
        self._highest: dict[Category, float] = {}

    def add(self, batch: Sequence[Example]) -> list[Reading]:
        """Classify a batch and return what was read of each example, in order.

        Raises ClassifierUnavailable when any example has no score, or one outside [0, 1].
        """
        scored = self._scored(batch)
        self.n_read += sum(not example.rejected for example in batch)
        return [self._reading(example, scores) for example, scores in zip(batch, scored, strict=True)]

    def flags(self, examples: Sequence[Example]) -> list[bool]:
        """Whether the classifier flags each example; nothing is counted. Raises as `add` does."""
        return [bool(self._over(scores)) for scores in self._scored(examples)]

    def _scored(self, batch: Sequence[Example]) -> Sequence[Mapping[Category, float]]:
        scored = self._classifier.classify(batch)
        if len(scored) != len(batch):
            raise ClassifierUnavailable(f"classifier {self.name} scored {len(scored)} of {len(batch)} examples")
        for example, scores in zip(batch, scored, strict=True):
            values = scores.values()
            if not values or not all(map(isfinite, values)) or min(values) < 0.0 or max(values) > 1.0:
                raise ClassifierUnavailable(
                    f"classifier {self.name} gave no usable score for line {example.line}; an unscored example never "
                    "passes"
                )
        return scored

    def _over(self, scores: Mapping[Category, float]) -> list[Category]:
        return [category for category, score in scores.items() if score >= self.policy.threshold_of(category)]

    def _reading(self, example: Example, scores: Mapping[Category, float]) -> Reading:
        line = example.line
        highest = max(scores.values())
        if highest < self._least:
            return Reading(score=highest, flagged=False)
        over = self._over(scores)
        for category in over:
            self._by_category.setdefault(category, Lines()).add(line)
            if example.rejected:
                self._rejected.setdefault(category, Lines()).add(line)
            self._highest[category] = max(self._highest.get(category, 0.0), scores[category])
        if over:
            self.flagged.add(line)
            if len(self._distinct) <= self.policy.max_flagged:
                self._distinct.add(_bare(example))
            if self.policy.cleared_by and len(self._clearable) < MAX_CLEARABLE:
                self._clearable.add(line)
        return Reading(score=highest, flagged=bool(over))

    def clear(self, line: int) -> None:
        """Another classifier read a line and does not flag it: it no longer counts, though it stays in the findings."""
        if line in self._clearable:
            self._clearable.remove(line)
            self._cleared.add(line)

    def standing(self) -> set[int]:
        """The lines that it flags and nobody cleared, of the first `MAX_LINES`; all of these where there are more."""
        is_whole = self.flagged.n == len(self.flagged.first)
        return set(self.flagged.first) - (self._cleared if is_whole else set())

    def findings(self) -> tuple[Finding, ...]:
        """Return one finding for each category, the most frequent first."""
        return tuple(
            Finding(
                detector=self.name,
                scope=Scope.EXAMPLE,
                category=category,
                score=self._highest[category],
                lines=tuple(lines.first),
                evidence=self._evidence(category, lines),
            )
            for category, lines in self._ranked()
        )

    def _evidence(self, category: Category, lines: Lines) -> str:
        rejected = self._rejected.get(category)
        side = f" ({rejected.n} of them in the non-preferred output)" if rejected else ""
        threshold = self.policy.threshold_of(category)
        return f"{lines.n} example(s){side} score {threshold:g} or more, the highest {self._highest[category]:.3f}"

    @property
    def enforces(self) -> bool:
        """Whether what it flags has consequences."""
        return self.policy.action is not Action.RECORD

    def decision(self, n_examples: int) -> tuple[Verdict, str]:
        """Return the verdict of this classifier on a file of so many rows, and its reason ('' for pass)."""
        policy, n, n_distinct = self.policy, self.flagged.n - len(self._cleared), len(self._distinct)
        most = min(policy.max_flagged, policy.max_flagged_share * n_examples)
        if n <= most or not self.enforces:
            return Verdict.PASS, ""
        categories = ", ".join(category.value for category, _ in self._ranked())
        told = f"{self.name} flagged {self.flagged.n} example(s) ({categories}) on lines {self.flagged}"
        told += _tolerance(policy)
        if self._cleared:
            told += f"; {len(self._cleared)} of them were cleared by {policy.cleared_by}"
        if policy.action is Action.BLOCK and n_distinct <= most:
            return Verdict.REVIEW, f"{told}; but for numbers they are {n_distinct}, repeated: a person decides"
        if policy.action is Action.BLOCK and n < policy.block_share * n_examples:
            return (
                Verdict.REVIEW,
                f"{told}; fewer than {policy.block_share:.0%} of all rows may be chance: a person decides",
            )
        return VERDICTS[policy.action], told

    def _ranked(self) -> Iterable[tuple[Category, Lines]]:
        return sorted(self._by_category.items(), key=lambda item: (-item[1].n, item[0]))


def _bare(example: Example) -> int:
    """A hash of the letters of a conversation: rows that differ in numbers, case and punctuation have the same."""
    bare = (" ".join(message.text.lower().translate(_NO_LETTERS).split()) for message in example.messages)
    return hash(tuple(bare))


def _tolerance(policy: CheckPolicy) -> str:
    """What a policy tolerates, '' for nothing."""
    if not policy.max_flagged:
        return ""
    share = f" and {policy.max_flagged_share:.2%} of all" if policy.max_flagged_share < 1 else ""
    return f"; {policy.max_flagged}{share} are tolerated"
