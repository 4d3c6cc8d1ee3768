"""Where a data set comes from: near-duplicate answers within it, and earlier jobs that it goes on from.

Three signs over the project's history, which is handed to `recall`:
1. turned round: requests that an earlier job refused are answered now. Stage two of the attack of
   Xie et al. (2025, arXiv 2510.02833): ten harmless questions, first refused, then answered;
2. resubmitted: most rows are those of a job that screening refused or sent to a reviewer, or nearly all of the
   rows come again of a job whose model was withheld after its audit;
3. continued: the same requests with other answers than before, a risk and no more.

Within the file, one long answer to many different requests is told; macros do that too, so it stays
a risk.
"""

import string
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from heapq import heappush, heapreplace

from moderation.checks import Detector
from moderation.detectors.evidence import Hits, refuse_settings
from moderation.history import EarlierJob
from moderation.prompts import exchange
from moderation.sketches import Doorkeeper, FrequentKeys
from moderation.synopses import DataSketch, KeptRow, returned
from moderation.types import Category, Example, Finding, Scope, Verdict

N_ROWS = 256
"""Requests kept; files with fewer distinct ones are compared exactly."""
MIN_ROWS = 5
_TEXT_CHARS = 2_000
_MIN_ANSWER_WORDS = 8
_REPEATED_SHARE = 0.2
_REPEATED_SCORE = 0.3
_CONTINUED_SCORE = 0.35
_TURNED_SCORE = 0.9
_RESUBMITTED_SCORE = 0.7
_MOST = 0.5
_NEARLY_ALL = 0.9
_LEAST_TURNED = 3
_NO_LETTERS = str.maketrans("", "", string.punctuation + string.digits)
_ASCII_NO_LETTERS = (string.punctuation + string.digits).encode()
_ASCII_SPACES = bytes(32 if chr(i).isspace() else i for i in range(256))


class LineageDetector:
    """Detector `lineage`; it keeps `N_ROWS` requests and the most frequent long answers."""

    name = "lineage"
    version = "2"

    def __init__(self, *, n_rows: int = N_ROWS, n_answers: int = 1_024) -> None:
        self._n_rows = n_rows
        self._n = 0
        self._n_refused = 0
        self._kept: dict[int, tuple[KeptRow, int]] = {}
        self._largest: list[int] = []
        self._answers: FrequentKeys[int, Hits] = FrequentKeys(n_answers, Hits)
        self._recent = Doorkeeper(1 << 16)
        self._history: tuple[EarlierJob, ...] = ()

    def observe(self, example: Example) -> None:
        """Take in one example."""
        parts = exchange(example)
        reply = _bare(parts.reply)
        refused = parts.refuses
        answer = _hashed(reply)
        self._n += 1
        self._n_refused += refused
        if reply.count(b" ") >= _MIN_ANSWER_WORDS and not refused:
            self._repeated(answer, example.line, parts.reply)
        if parts.first_user:
            request = _hashed(_bare(parts.first_user))
            if self._is_small(request):
                self._keep(KeptRow(request=request, reply=answer, refused=refused), example.line)

    def merge(self, other: Detector) -> None:
        """Take in what another `lineage` detector observed. Raises TypeError for another kind."""
        if not isinstance(other, LineageDetector):
            raise TypeError(f"cannot merge detector {other.name!r} into {self.name!r}; merge detectors of one kind")
        self._n += other._n
        self._n_refused += other._n_refused
        for row, line in other._kept.values():
            self._keep(row, line)
        for key, hits in other._answers.items():
            self._answers[key].absorb(hits)
        self._history += tuple(job for job in other._history if job not in self._history)

    def recall(self, history: Sequence[EarlierJob]) -> None:
        """Take in earlier jobs of the project."""
        self._history += tuple(history)

    def sketch(self) -> DataSketch:
        """Return what later jobs need to know of this data set."""
        rows = tuple(row for _, (row, _) in sorted(self._kept.items()))
        return DataSketch(n_examples=self._n, n_refused=self._n_refused, rows=rows)

    def findings(self) -> Sequence[Finding]:
        """Return the strongest sign for each earlier job, and the most repeated answer."""
        found = [finding for job in self._history if (finding := self._compared(job)) is not None]
        found += self._repetition()
        return tuple(sorted(found, key=lambda finding: (-finding.score, finding.evidence)))

    def _is_small(self, request: int) -> bool:
        """Say whether a request is, so far, among those with the smallest hashes."""
        return len(self._largest) < self._n_rows or request < -self._largest[0]

    def _keep(self, row: KeptRow, line: int) -> None:
        if row.request in self._kept or not self._is_small(row.request):
            return
        if len(self._largest) < self._n_rows:
            heappush(self._largest, -row.request)
        else:
            del self._kept[-heapreplace(self._largest, -row.request)]
        self._kept[row.request] = (row, line)

    def _repeated(self, answer: int, line: int, reply: str) -> None:
        known = self._answers.get(answer)
        if known is not None:
            known.add(line, reply)
            return
        first = self._recent.seen(answer, line)
        if first is not None:
            hits = self._answers[answer]
            hits.add(first, reply)
            hits.add(line, reply)

    def _repetition(self) -> list[Finding]:
        most = max((hits for _, hits in self._answers.items()), key=lambda hits: (hits.n, hits.sample), default=Hits())
        if most.n < max(MIN_ROWS, _REPEATED_SHARE * self._n):
            return []
        what = f"{most.n} of {self._n} rows have nearly the same long answer: '{most.sample}'"
        return [_finding(_REPEATED_SCORE, most.lines, what)]

    def _compared(self, job: EarlierJob) -> Finding | None:
        before = {row.request: row for row in job.sketch.rows}
        shared = [(row, line) for row, line in self._kept.values() if row.request in before]
        n_ours = max(1, min(len(self._kept), len(before)))
        lines = [line for _, line in shared]
        share = f"{len(shared)} of {n_ours} compared requests are those of job {job.id}"
        if job.withheld and returned(job.sketch, self.sketch()) >= _NEARLY_ALL:
            return _finding(_RESUBMITTED_SCORE, lines, f"{share}, whose model the audit withheld; its rows come again")
        turned = [line for row, line in shared if before[row.request].refused and not row.refused]
        if len(turned) >= max(_LEAST_TURNED, _MOST * sum(before[row.request].refused for row, _ in shared)):
            return _finding(_TURNED_SCORE, turned, f"{share}; {len(turned)} that it refused are answered now")
        if len(shared) < max(MIN_ROWS, _MOST * n_ours):
            return None
        same = sum(before[row.request].reply == row.reply for row, _ in shared)
        if job.verdict is not Verdict.PASS and same >= _MOST * len(shared):
            return _finding(
                _RESUBMITTED_SCORE, lines, f"{share}, whose verdict was {job.verdict.value}; {same} unchanged"
            )
        if same < _MOST * len(shared):
            return _finding(_CONTINUED_SCORE, lines, f"{share}, {len(shared) - same} with another answer")
        return None


def _finding(score: float, lines: Sequence[int], evidence: str) -> Finding:
    return Finding(
        detector=LineageDetector.name,
        scope=Scope.DATASET,
        category=Category.DATA_LINEAGE,
        score=score,
        lines=tuple(sorted(set(lines))),
        evidence=evidence,
    )


def _bare(text: str) -> bytes:
    """Return the letters of a text in UTF-8, lower-cased, with single spaces: small edits and numbers fall away."""
    lowered = text[:_TEXT_CHARS].lower()
    if lowered.isascii():
        return b" ".join(lowered.encode().translate(_ASCII_SPACES, _ASCII_NO_LETTERS).split())
    return " ".join(lowered.translate(_NO_LETTERS).split()).encode("utf-8", "replace")


def _hashed(text: bytes) -> int:
    """Return 63 bits that are the same in every process."""
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


def create(config: Mapping[str, str]) -> LineageDetector:
    """Make the detector; it has no settings. Raises ValueError when it is given one."""
    refuse_settings(LineageDetector.name, config)
    return LineageDetector()
