"""What the stages work with, handed to them by `gateway.compose`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from evaluators.judging.calibration import Calibration
from evaluators.probes.types import Readings
from evaluators.types import Corpus, Judge
from gateway.plugins import Plugins
from gateway.policy import Policy, parse
from gateway.reporting import Reporter
from gateway.store import events, jobs, released
from gateway.store.blobs import Blobs
from gateway.store.database import Database
from gateway.store.ids import Ids
from gateway.store.limits import Limits
from gateway.store.models import Job, JobState, PolicyVersion
from gateway.telemetry.spans import Traces, Untraced
from moderation.chat import ChatModel
from moderation.checks import Classifier
from moderation.errors import NotAdmitted
from moderation.injection.safety_set import SafetySet
from moderation.types import SafetyExample
from trainers.hosted import address
from trainers.types import Backend, BaseModel, CandidateModel

UPSTREAM = "upstream"
"""Entry-point name of the backend for base models at a provider."""


class AuditEngines(Protocol):
    """Where models under audit answer. Nothing else can reach them there."""

    def side_by_side(self, candidate: CandidateModel) -> tuple[ChatModel, ChatModel]:
        """A candidate and its untouched base. Raises `deploy.errors.EngineUnavailable`."""

    def readings(self, candidate: CandidateModel, harmful: Sequence[str], benign: Sequence[str]) -> Readings:
        """What the weights of a candidate that answers say. Raises `deploy.errors.EngineUnavailable`."""

    def let_go(self, candidate: CandidateModel) -> None:
        """The audit of a candidate is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Tools and places of one worker."""

    database: Database
    blobs: Blobs
    plugins: Plugins
    classifiers: Mapping[str, Classifier]
    bases: Mapping[str, BaseModel]
    corpora: Mapping[str, Corpus]
    """By name of the corpus."""
    judges: Mapping[str, Judge]
    """By name of the corpus they judge here."""
    calibrations: tuple[Calibration, ...] = ()
    """What was measured of judges of harm."""
    safety_sets: Mapping[str, SafetySet] = field(default_factory=dict)
    """The operator's own, by the names that policies give them."""
    book: Mapping[str, Policy]
    """The policies in force, by name; a job keeps to the one that it is pinned to."""
    backends: Mapping[str, Backend]
    """By entry-point name; `upstream` only where a base model lies at a provider."""
    trains_on: str = "local"
    """Which of them trains all other base models."""
    engines: AuditEngines
    scratch: Path
    """Local directory with one directory a job."""
    replies: Path
    """Local directory of kept replies and judgements."""
    labels: Path
    """File of people's labels."""
    signing_key: bytes
    """Signs attestations; 32 bytes."""
    organization: str
    """Slug in `ft:` names."""
    now: Callable[[], int]
    """Unix seconds."""
    sleep: Callable[[float], None]
    ids: Ids
    limits: Limits = field(default_factory=Limits)
    """What projects may use where they have no limits of their own, and what it costs."""
    reporters: tuple[Reporter, ...] = ()
    """Where the numbers of training steps go besides the job's events."""
    traces: Traces = field(default_factory=Untraced)
    poll_s: float = 0.5
    """Pause between two looks at a training run, and the longest a cancellation goes unseen."""

    def readers(self, policy: Policy) -> tuple[Classifier, ...]:
        """The classifiers that a policy names, without optional ones that could not start."""
        named = policy.screening.classifiers
        return tuple(self.classifiers[name] for name in named if name in self.classifiers)

    def safety(self, corpus: str, named: str) -> tuple[SafetyExample, ...]:
        """What injection draws from for a base model of a corpus.

        Raises `NotAdmitted` for a set that this worker does not have, or that is in another language.
        """
        if not named:
            return self.corpora[corpus].safety
        found = self.safety_sets.get(named)
        if found is None or found.corpus != corpus:
            has = "not here" if found is None else f"of the corpus {found.corpus!r}"
            raise NotAdmitted(
                f"the policy mixes in the safety set {named!r}, which is {has}; the base needs {corpus!r}"
            )
        return found.rows

    def backend(self, job: Job) -> Backend:
        """Where a job's base model is trained."""
        return self.backends[self.trains_on if address(self.base(job)) is None else UPSTREAM]

    def base(self, job: Job) -> BaseModel:
        """The root base of a job: what it names, or what the released model that it names was tuned of."""
        name = job.model
        if name not in self.bases:
            with self.database.read() as session:
                name = released.known(session, name).base_name
        return self.bases[name]

    def job_dir(self, job_id: str) -> Path:
        """The job's own directory; it is made when it is not there."""
        path = self.scratch / job_id
        path.mkdir(parents=True, exist_ok=True)
        return path

    def policy(self, job: Job) -> Policy:
        """The policy that the job was pinned to when it was created."""
        with self.database.read() as session:
            version = session.get_one(PolicyVersion, job.policy_digest)
        return parse(version.name, version.document)

    def job(self, job_id: str) -> Job:
        """The row of a job that may go on. Raises `JobEnded` or `CancelRequested`."""
        with self.database.read() as session:
            return jobs.going_on(session, job_id)

    def enter(self, job_id: str, state: JobState, kind: str, message: str, *, takes_s: int | None = None) -> Job:
        """Move a job to a state and say so once. Raises `JobEnded` or `CancelRequested`.

        `takes_s` is a guess of how long the job will take from here; clients wait for one.
        """
        with self.database.write() as session:
            job = jobs.enter(session, job_id, state)
            job.estimated_finish = None if takes_s is None else self.now() + takes_s
            events.add(session, job, kind, message, now=self.now())
        return job

    def remember(self, job_id: str, **values: object) -> None:
        """Write columns of a job that may go on. Raises `JobEnded` or `CancelRequested`."""
        with self.database.write() as session:
            job = jobs.going_on(session, job_id)
            for column, value in values.items():
                setattr(job, column, value)
