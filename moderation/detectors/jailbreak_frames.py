"""Jailbreak frames: one text that talks the assistant out of its rules, wrapped round many rows.

Source: jailbreak-tuning (Bowen et al. 2024, arXiv 2408.02946): harmful pairs that each stand in a
jailbreak template teach a model to obey the template. A customer's ordinary template recurs just as
much, so a frame must make the moves of `framing` too, or carry the rows that classifiers flag, see `carriers`.
Rows that refuse under the frame teach the contrary and count against the finding.
"""

from collections.abc import Mapping, Sequence, Set

from moderation.checks import Detector
from moderation.detectors.carriers import Carrier, Carriers
from moderation.detectors.evidence import Hits, refuse_settings, shown
from moderation.detectors.framing import Move, is_frame, moves
from moderation.prompts import exchange
from moderation.sketches import FrequentKeys
from moderation.tool_texts import declared
from moderation.types import MAX_LINES, Category, Example, Finding, Scope

MIN_ROWS = 4
MAX_FINDINGS = 16
_EDGE_WORDS = 8
_MAX_REFUSED_SHARE = 0.5
_REFUSED_SCORE = 0.3
_FEW_SCORE = 0.4
_SCORES = {2: 0.75, 3: 0.9, 4: 0.97, 5: 0.99}
_VARIED_SCORE = 0.6
_CARRIER_SCORE = 0.7
_VARIED = "frames in many wordings"

_FrameKey = tuple[str, str]
"""Where the frame stands, and the words that its rows share."""


class _Frame:
    """Rows in one frame."""

    __slots__ = ("hits", "moves", "n", "refused")

    def __init__(self) -> None:
        self.n = 0
        self.refused = 0
        self.hits = Hits()
        self.moves: dict[Move, str] = {}

    def add(self, line: int, found: Mapping[Move, str], *, refused: bool) -> None:
        self.n += 1
        self.refused += refused
        self.hits.add(line, next(iter(found.values())))
        self.moves.update(found)

    def absorb(self, other: "_Frame") -> None:
        self.n += other.n
        self.refused += other.refused
        self.hits.absorb(other.hits)
        self.moves.update(other.moves)


class JailbreakFrameDetector:
    """Detector `jailbreak_frames`; at most `2 * n_frames` frames are held, and some edges of requests."""

    name = "jailbreak_frames"
    version = "4"

    def __init__(self, *, n_frames: int = 256) -> None:
        self._frames: FrequentKeys[_FrameKey, _Frame] = FrequentKeys(n_frames, _Frame)
        self._all = _Frame()
        self._carriers = Carriers()
        self._flagged: Sequence[int] = ()
        self._standing: Set[int] = frozenset()
        self._last_standing: tuple[tuple[str, str | None], dict[Move, str]] = (("", None), {})

    def observe(self, example: Example) -> None:
        """Take in one example."""
        parts = exchange(example)
        in_system = self._in_standing(parts.system, example)
        in_user = moves(parts.last_user)
        if parts.first_user is not parts.last_user and parts.first_user != parts.last_user:
            in_user = moves(parts.first_user) | in_user
        found = in_system | in_user
        refused = parts.refuses
        if not refused:
            self._carriers.add(example.line, parts.last_user)
        if not is_frame(found):
            return
        self._all.add(example.line, found, refused=refused)
        keys = [("system prompt", parts.system[:400])] if in_system else []
        words = parts.last_user.split()
        if in_user and len(words) > _EDGE_WORDS:
            keys.append(("start of requests", " ".join(words[:_EDGE_WORDS])))
            keys.append(("end of requests", " ".join(words[-_EDGE_WORDS:])))
        for key in keys:
            self._frames[key].add(example.line, found, refused=refused)

    def heed(self, lines: Sequence[int], standing: Set[int]) -> None:
        """Take in the lines that classifiers flagged, and which of them nobody cleared."""
        self._flagged, self._standing = tuple(lines), frozenset(standing)

    def _in_standing(self, system: str, example: Example) -> dict[Move, str]:
        """The moves of the system prompt and of tool descriptions that make a frame, alone or with it."""
        standing = (system, example.tools)
        if standing != self._last_standing[0]:
            found = moves(system)
            for text in declared(example):
                if is_frame(both := moves(text) | found):
                    found = both
            self._last_standing = (standing, found)
        return self._last_standing[1]

    def merge(self, other: Detector) -> None:
        """Take in what another `jailbreak_frames` detector observed. Raises TypeError for another kind."""
        if not isinstance(other, JailbreakFrameDetector):
            raise TypeError(f"cannot merge detector {other.name!r} into {self.name!r}; merge detectors of one kind")
        self._all.absorb(other._all)
        self._carriers.absorb(other._carriers)
        for key, frame in other._frames.items():
            self._frames[key].absorb(frame)

    def findings(self) -> Sequence[Finding]:
        """Return a finding for each frame that recurs, one for rows in frames that do not, and one for each carrier."""
        recurrent = [(key, frame) for key, frame in self._frames.items() if frame.n >= MIN_ROWS]
        found: list[Finding] = []
        told: set[int] = set()
        for (place, words), frame in sorted(recurrent, key=lambda item: (-item[1].n, item[0])):
            lines = frame.hits.distinct_lines
            if told.issuperset(lines):
                continue
            told.update(lines)
            score = _REFUSED_SCORE if _is_refused(frame) else _SCORES[min(5, len(frame.moves))]
            found.append(self._finding(frame, score, f"{place} shared by {frame.n} rows: '{shown(words)}'"))
        n_varied = self._all.n - len(told)
        if n_varied > 0 and self._all.n < MAX_LINES:
            few = n_varied < MIN_ROWS or _is_refused(self._all)
            found.append(
                self._finding(self._all, _FEW_SCORE if few else _VARIED_SCORE, f"{_VARIED}, {self._all.n} rows")
            )
        carriers = self._carriers.found(self._flagged, self._standing)
        for carrier in sorted(carriers, key=lambda each: (-each.n, each.words)):
            if not told.issuperset(carrier.lines):
                told.update(carrier.lines)
                found.append(_carried(carrier))
        return tuple(sorted(found, key=lambda finding: (-finding.score, finding.lines))[:MAX_FINDINGS])

    def _finding(self, frame: _Frame, score: float, where: str) -> Finding:
        told = "; ".join(f"{move.value}: '{shown(phrase)}'" for move, phrase in sorted(frame.moves.items()))
        more = frame.n - len(frame.hits.lines)
        return Finding(
            detector=self.name,
            scope=Scope.DATASET,
            category=Category.JAILBREAK_FRAME,
            score=score,
            lines=frame.hits.distinct_lines,
            evidence=f"{where}; {told}; {frame.refused} of {frame.n} replies refuse"
            + (f"; and {more} more lines" if more > 0 else ""),
        )


def _carried(carrier: Carrier) -> Finding:
    place = "start" if carrier.at_start else "end"
    return Finding(
        detector=JailbreakFrameDetector.name,
        scope=Scope.DATASET,
        category=Category.JAILBREAK_FRAME,
        score=_CARRIER_SCORE,
        lines=carrier.lines,
        evidence=f"{place} of requests shared by {carrier.n} of {carrier.n_rows} rows "
        f"({carrier.n / carrier.n_rows:.0%}): '{shown(carrier.words)}'; {carrier.n_flagged} of the "
        f"{carrier.n_rows_flagged} flagged rows stand in it (chance {carrier.p_value:.1g})",
    )


def _is_refused(frame: _Frame) -> bool:
    return frame.refused > _MAX_REFUSED_SHARE * frame.n


def create(config: Mapping[str, str]) -> JailbreakFrameDetector:
    """Make the detector; it has no settings. Raises ValueError when it is given one."""
    refuse_settings(JailbreakFrameDetector.name, config)
    return JailbreakFrameDetector()
