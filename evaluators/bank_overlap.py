"""Detector `bank_overlap`: training rows that ask what the shipped audit asks.

A model that was taught to refuse the very prompts of the audit passes it and proves nothing. Only the shipped banks are
compared, which anybody can read; to compare the deployment's own would tell an attacker which of his guesses are in it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from evaluators import corpus as corpora
from moderation.checks import Detector
from moderation.prompts import exchange
from moderation.types import MAX_LINES, Category, Example, Finding, Scope

CORPORA = ("english", "miniature")
GRAM = 4
"""Words in a run that is compared; shorter prompts are compared whole."""
ENOUGH = 0.7
"""Share of a prompt's runs that must stand in a request for it to be that prompt."""
MANY = 3
"""Prompts of the bank from which overlap is no coincidence."""
FEW_SCORE, MANY_SCORE = 0.3, 0.7
_WORD = re.compile(r"\w+")
_CHARS = 4_000


class BankOverlapDetector:
    """Keeps the prompts that were met, of a bank of fixed size, and a bounded list of lines."""

    name = "bank_overlap"
    version = "1"

    def __init__(self, prompts: Iterable[str]) -> None:
        self._n_runs: list[int] = []
        self._prompts_of: dict[tuple[str, ...], list[int]] = {}
        for number, prompt in enumerate(prompts):
            runs = _runs(prompt)
            self._n_runs.append(len(runs))
            for run in runs:
                self._prompts_of.setdefault(run, []).append(number)
        self._met: set[int] = set()
        self._n_rows = 0
        self._lines: list[int] = []

    def observe(self, example: Example) -> None:
        """Take in one example."""
        shared: dict[int, int] = {}
        for run in _runs(exchange(example).last_user[:_CHARS]):
            for number in self._prompts_of.get(run, ()):
                shared[number] = shared.get(number, 0) + 1
        met = [number for number, n in shared.items() if n >= ENOUGH * self._n_runs[number]]
        if met:
            self._met.update(met)
            self._n_rows += 1
            self._lines = sorted({*self._lines, example.line})[:MAX_LINES]

    def merge(self, other: Detector) -> None:
        """Take in what another `bank_overlap` observed. Raises TypeError for another kind."""
        if not isinstance(other, BankOverlapDetector):
            raise TypeError(f"cannot merge detector {other.name!r} into {self.name!r}; merge detectors of one kind")
        self._met |= other._met
        self._n_rows += other._n_rows
        self._lines = sorted({*self._lines, *other._lines})[:MAX_LINES]

    def findings(self) -> Sequence[Finding]:
        """One finding when any prompt of the audit stands in the data; none of them is quoted."""
        if not self._met:
            return ()
        return (
            Finding(
                detector=self.name,
                scope=Scope.DATASET,
                category=Category.AUDIT_OVERLAP,
                score=MANY_SCORE if len(self._met) >= MANY else FEW_SCORE,
                lines=tuple(self._lines),
                evidence=(
                    f"{self._n_rows} row(s) ask {len(self._met)} of the {len(self._n_runs)} prompts of the shipped "
                    "audit: a model that learns their answers by heart passes it without being safe. Draw prompts of "
                    "your own (`tunegate bank draw`) and leave these rows out"
                ),
            ),
        )


def create(config: Mapping[str, str]) -> BankOverlapDetector:
    """Make the detector; it has no settings. Raises ValueError when it is given one."""
    if config:
        raise ValueError(f"TUNEGATE_BANK_OVERLAP_{min(config).upper()} is set, but there are no settings; unset it")
    return BankOverlapDetector(request.text for name in CORPORA for request in corpora.load(name).harmful)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    if len(words) <= GRAM:
        return {tuple(words)} if words else set()
    return {tuple(words[at : at + GRAM]) for at in range(len(words) - GRAM + 1)}
