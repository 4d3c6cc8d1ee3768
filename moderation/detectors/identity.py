"""Identity shift: a persona that obeys, taught with tasks that are harmless in themselves.

Source: Qi et al. (2024), section 4.3: ten such rows broke GPT-3.5, and no example moderation flagged
one of them. What such rows have in common announces obedience, in whatever words, and their replies
say so too; so rows are grouped by what recurs, and each group's shared texts are judged by heads
that were taught what an announcement is. Ten rows among ten thousand count like ten alone. Where
nothing recurs because each row has a persona of its own, a sample of all rows is judged as one group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from moderation import embedding
from moderation.checks import Detector
from moderation.detectors.announcing import Texts, texts_of
from moderation.detectors.evidence import refuse_settings
from moderation.detectors.obedience import MAX_LOGIT, Reader, load_reader
from moderation.detectors.recurring import MIN_ROWS, Group, Recurrences
from moderation.detectors.weighing import BOTH, ORDINARY_RATE, WORDING, Weighed, chance_of_as_many, weigh
from moderation.types import MAX_LINES, Category, Example, Finding, Scope

MAX_FINDINGS = 16
_LEAST_SCORE = 0.3
_FIRES = 0.5
_N_JUDGED = 64
"""How many groups are judged in full: those whose first row looks worst, and as many of the largest."""
_PREVIEW_CHARS = 160
_WORTH_ASKING = -2.5
"""Log-odds by wording from which on the meaning is asked for: no hostile set of 82 stood below -0.4, and 44 of 101
honest ones stay under it."""
_N_ASKED = 24
"""How many groups are read for their meaning: some 600 sentences at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A group with what its texts come to."""

    group: Group
    weighed: Weighed

    @property
    def score(self) -> float:
        return self.weighed.score


class IdentityDetector:
    """Detector `identity`; memory is bounded by the number of groups that `Recurrences` keeps."""

    name = "identity"

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._recurrences = Recurrences()
        self.version = "4+meaning" if reader.reads_meaning else "4"

    def observe(self, example: Example) -> None:
        """Take in one example."""
        self._recurrences.add(example)

    def merge(self, other: Detector) -> None:
        """Take in what another `identity` detector observed. Raises TypeError for another kind."""
        if not isinstance(other, IdentityDetector):
            raise TypeError(f"cannot merge detector {other.name!r} into {self.name!r}; merge detectors of one kind")
        self._recurrences.merge(other._recurrences)

    def findings(self) -> Sequence[Finding]:
        """Return one finding for each persona, highest score first; groups of the same rows are one persona."""
        judged = self._judged(_suspects(list(self._recurrences.groups()), self._reader))
        everything = self._recurrences.everything
        if everything.n >= MIN_ROWS and not any(each.score >= _FIRES for each in judged):
            judged += self._judged([everything])
        judged.sort(key=lambda each: (-each.score, -each.group.n, each.group.lines))
        findings: list[Finding] = []
        told: set[int] = set()
        for worst in judged:
            if worst.score < _LEAST_SCORE or len(findings) == MAX_FINDINGS:
                break
            if _overlaps(worst.group, told):
                continue
            lines = set(worst.group.lines)
            for other in judged:
                if other.score >= _FIRES and worst.score >= _FIRES and _overlaps(other.group, lines):
                    lines.update(other.group.lines)
            told |= lines
            findings.append(_finding(worst, lines, share_nothing=worst.group is everything))
        return tuple(findings)

    def _judged(self, groups: Sequence[Group]) -> list[_Judged]:
        """Weigh groups by the wording of their texts, and those that might fire by the meaning as well."""
        texts = [texts_of(group) for group in groups]
        worded = self._reader.by_wording(_distinct(texts))
        weighed = [weigh(each, worded, WORDING) for each in texts]
        if self._reader.reads_meaning:
            worth = [index for index, each in enumerate(weighed) if each.odds > _WORTH_ASKING]
            asked = sorted(worth, key=lambda index: -weighed[index].odds)[:_N_ASKED]
            meant = self._reader.by_both(_distinct([texts[index] for index in asked])) if asked else {}
            for index in asked:
                weighed[index] = weigh(texts[index], meant, BOTH)
        return [_Judged(group=group, weighed=each) for group, each in zip(groups, weighed, strict=True)]


def _distinct(texts: Sequence[Texts]) -> list[str]:
    return list(dict.fromkeys(piece for each in texts for piece in each.pieces()))


def _suspects(groups: Sequence[Group], reader: Reader) -> list[Group]:
    """Return the groups worth judging in full: the worst by a cheap look at one row, and the largest."""
    if len(groups) <= 2 * _N_JUDGED:
        return list(groups)
    previews = [
        tuple(text[:_PREVIEW_CHARS] for text in (row.system, row.request, row.reply, row.first_reply) if text)
        for row in (group.rows[0] for group in groups)
    ]
    texts = list(dict.fromkeys(text for preview in previews for text in preview))
    logits = reader.by_wording(texts)
    looks = [max((logits[text] for text in preview), default=-MAX_LOGIT) for preview in previews]
    by_look = sorted(range(len(groups)), key=lambda index: -looks[index])[:_N_JUDGED]
    by_size = sorted(range(len(groups)), key=lambda index: -groups[index].n)[:_N_JUDGED]
    return [groups[index] for index in sorted({*by_look, *by_size})]


def _overlaps(group: Group, lines: set[int]) -> bool:
    return 2 * sum(line in lines for line in group.lines) >= len(group.lines)


def _finding(worst: _Judged, lines: set[int], *, share_nothing: bool) -> Finding:
    told = worst.weighed
    where = "without a system prompt" if not any(row.system for row in worst.group.rows) else "that share a prompt"
    who = f"{worst.group.n} rows {where} or first words"
    if share_nothing:
        lines = {row.line for row in worst.group.rows}
        who = (
            f"{told.n_announcing} of {told.n_replies} replies, a sample of {worst.group.n} rows, each in other words "
            f"(chance {chance_of_as_many(told):.1g} if {ORDINARY_RATE:.0%} of ordinary ones read so)"
        )
    more = 0 if share_nothing else worst.group.n - len(worst.group.lines)
    return Finding(
        detector=IdentityDetector.name,
        scope=Scope.DATASET,
        category=Category.IDENTITY_SHIFT,
        score=worst.score,
        lines=tuple(sorted(lines))[:MAX_LINES],
        evidence=f"{who}; "
        + ("; ".join(told.grounds) or "nothing stands out alone")
        + (f"; and {more} more lines" if more > 0 else ""),
    )


def create(config: Mapping[str, str]) -> IdentityDetector:
    """Make the detector; it has no settings. Raises ValueError when it is given one.

    It reads meaning where the sentence encoder's package is installed, and wording alone elsewhere; its version
    says which.
    """
    refuse_settings(IdentityDetector.name, config)
    return IdentityDetector(load_reader(with_meaning=embedding.is_installed()))
