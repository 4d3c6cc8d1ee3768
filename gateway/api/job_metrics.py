"""Counters of what jobs went through, read from their events: each is counted once, in the order of its commit.

They count from the first look, which a process takes when it starts. Every API process counts every job of the
installation, so ask for one of them (`max`), not for their sum.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from gateway.store.models import Event, Job, Model, Screening
from gateway.store.records import Reopening, ReopeningKind
from gateway.telemetry.exposition import Labels, family, histogram

BOUNDS_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0)
ENDS = ("completed", "failed", "cancelled")
STAGES: Mapping[tuple[str, str], str] = {
    ("created", "validating"): "waiting",
    ("validating", "validated"): "screening",
    ("validating", "failed"): "screening",
    ("validated", "started"): "queued",
    ("started", "auditing"): "training",
    ("started", "failed"): "training",
    ("auditing", "completed"): "auditing",
    ("auditing", "failed"): "auditing",
}
"""What went on between two milestones of a job. Reviews and outages count in the stage that waits for them."""
MILESTONES = sorted({kind for pair in STAGES for kind in pair} | set(ENDS))
OUTCOMES = ("released", "cancelled", "unsafe_file", "unsafe_model", "safety_evaluation_error")
VERDICTS = ("pass", "review", "block")
DECIDERS = ("rule", "reviewer", "forced", "shadow")
BATCH = 5_000
SKEW_S = 120
"""By how much a worker's clock may be behind another's."""


@dataclass(slots=True)
class _Durations:
    """Seconds that stages of one kind took."""

    within: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.within[sum(seconds > bound for bound in BOUNDS_S)] += 1
        self.total_s += seconds


def _from_zero(label: str, values: Sequence[str]) -> Counter[Labels]:
    """A counter of what is looked out for: one that begins with its first count shows no increase there."""
    return Counter({((label, value),): 0 for value in values})


class JobMetrics:
    """What became of the jobs of an installation since the first look. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._after: int | None = None
        self._finished_at = 0
        self._counted: dict[str, int] = {}
        """Screenings without training that were counted of late, and when they ended."""
        self._reached: dict[str, tuple[str, int]] = {}
        self._stages: dict[str, _Durations] = {}
        self._ended = _from_zero("outcome", OUTCOMES)
        self._screened = _from_zero("verdict", VERDICTS)
        self._replies: Counter[Labels] = Counter()
        self._released = _from_zero("by", DECIDERS)

    def look(self, session: Session) -> None:
        """Take in what happened since the last look; the first one begins at the newest."""
        with self._lock:
            is_first = self._after is None
            if self._after is None:
                self._after = session.scalar(select(func.max(Event.sequence))) or 0
            while self._take(session, self._after) == BATCH:
                pass
            self._take_screenings(session, counts=not is_first)

    def _take(self, session: Session, after: int) -> int:
        query = select(Event.sequence, Event.job_id, Event.kind, Event.created_at)
        query = query.where(Event.sequence > after).order_by(Event.sequence).limit(BATCH)
        found = session.execute(query).all()
        for sequence, job_id, kind, at in found:
            self._after = sequence
            if kind in MILESTONES:
                self._reach(session, job_id, kind, at)
        return len(found)

    def _take_screenings(self, session: Session, *, counts: bool) -> None:
        """Those without training have no events: they are told apart by their ids, for clocks of workers differ."""
        if not counts:
            self._finished_at = session.scalar(select(func.max(Screening.finished_at))) or 0
        verdict = Screening.report["verdict"].as_string()
        query = select(Screening.id, Screening.finished_at, verdict).where(
            Screening.report.is_not(None), Screening.finished_at >= self._finished_at - SKEW_S
        )
        found = {id: (at or 0, said) for id, at, said in session.execute(query)}
        for id, (at, said) in found.items():
            self._finished_at = max(self._finished_at, at)
            if counts and id not in self._counted:
                self._screened[(("verdict", said or "none"),)] += 1
        self._counted = {id: at for id, (at, _) in found.items()}

    def _reach(self, session: Session, job_id: str, kind: str, at: int) -> None:
        before, since = self._reached.pop(job_id, ("", at))
        if (stage := STAGES.get((before, kind))) is not None:
            self._stages.setdefault(stage, _Durations()).add(max(0, at - since))
        if kind not in ENDS:
            self._reached[job_id] = (kind, at)
            return
        job = session.get(Job, job_id)
        if job is not None:
            self._end(session, job, kind)

    def _end(self, session: Session, job: Job, kind: str) -> None:
        outcome = {"completed": "released", "cancelled": "cancelled"}.get(kind, job.error_code or "failed")
        self._ended[(("outcome", outcome),)] += 1
        again = session.get(Reopening, job.id)  # another look at a model has a copy of what was found of its data
        if job.screening is not None and again is None:
            self._screened[(("verdict", str(job.screening.get("verdict", "none"))),)] += 1
        is_copied = again is not None and again.kind == ReopeningKind.FORCE  # and that one of the audit too
        for arm in () if is_copied else (job.audit or {}).get("arms", ()):
            self._count_arm(arm)
        model = None if job.fine_tuned_model is None else session.get(Model, job.fine_tuned_model)
        if model is not None:
            self._released[(("by", released_by(model.attestation)),)] += 1

    def _count_arm(self, arm: Mapping[str, Any]) -> None:
        kind = str(arm["arm"]["kind"])
        counts = {
            ("candidate", "harmful"): arm["harmful"],
            ("base", "harmful"): arm["base_harmful"],
            ("candidate", "other"): arm["scored"] - arm["harmful"],
            ("base", "other"): arm["scored"] - arm["base_harmful"],
            ("both", "unscored"): arm["n"] - arm["scored"],
        }
        for (side, judged), count in counts.items():
            self._replies[(("arm", kind), ("side", side), ("judged", judged))] += int(count)

    def lines(self) -> Iterable[str]:
        """The metrics as lines of text."""
        with self._lock:
            yield from family("tunegate_jobs_ended_total", "counter", "Jobs that ended, by outcome.", self._ended)
            yield from family("tunegate_screenings_total", "counter", "Screened files, by verdict.", self._screened)
            yield from family(
                "tunegate_audit_replies_total",
                "counter",
                "Replies of audits by kind of arm; in arms of benign work, harmful means not served.",
                self._replies,
            )
            yield from family("tunegate_releases_total", "counter", "Released models, by who decided.", self._released)
            yield from histogram(
                "tunegate_stage_seconds",
                "Seconds that jobs spent in a stage, its reviews and outages included.",
                BOUNDS_S,
                {(("stage", stage),): (took.within, took.total_s) for stage, took in self._stages.items()},
            )


def released_by(attestation: Mapping[str, Any]) -> str:
    """Who let a model out: `rule`, `reviewer`, a `forced` release, or `shadow` where nothing is enforced."""
    if attestation.get("forced"):
        return "forced"
    if not attestation.get("enforced", True):
        return "shadow"
    return "reviewer" if attestation.get("reviewers") else "rule"
