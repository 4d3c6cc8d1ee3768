"""Stage four: ask the candidate and its untouched base the same things, side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from deploy.errors import EngineUnavailable
from evaluators import arms
from evaluators.audit import Progress
from evaluators.audit import audit as run_audit
from evaluators.errors import AuditIncomplete, JudgeIncapable, JudgeUnavailable
from evaluators.frames import Arm
from evaluators.judging.second_look import seats
from evaluators.replies import DirectoryReplies
from evaluators.report.documents import document_digest, report_to_json
from evaluators.secrecy import audit_as_served
from evaluators.types import AuditPolicy, AuditReport, Corpus, Subject
from gateway.pipeline import parentage
from gateway.pipeline.outcomes import Kind, Outcome, done, ended
from gateway.pipeline.prompts import asked_of
from gateway.pipeline.telling import AuditTeller
from gateway.pipeline.training import load_candidate, metrics_kind, own_rows_kind
from gateway.pipeline.workshop import Workshop
from gateway.policy import Policy
from gateway.store import events, jobs, remedies, reopenings
from gateway.store.models import Job, JobState
from moderation.errors import ChatUnavailable
from moderation.screening import reports
from trainers.hosted import address
from trainers.types import CandidateModel, OwnRows

GUESS_S = 300
"""Seconds that an audit may take; a guess."""
OUTAGES = (JudgeUnavailable, EngineUnavailable, ChatUnavailable)
"""What is waited out."""


def audit(shop: Workshop, job_id: str, candidate_digest: str) -> Outcome:
    """Audit a candidate. Done: the report's digest; the report is in the job's row, told to nobody yet."""
    job = shop.job(job_id)
    # An audit of other weights, trained before a backup was made and again where it was restored, says nothing.
    if job.audit is not None and job.audit.get("subject_digest") == candidate_digest:
        return done(document_digest(job.audit))
    shop.enter(job_id, JobState.AUDITING, "auditing", "Evaluating model against usage policies", takes_s=GUESS_S)
    candidate = load_candidate(shop, job, candidate_digest)
    try:
        report = _audited(shop, job, candidate)
    except OUTAGES as error:
        return unavailable(shop, job, error)
    except (AuditIncomplete, JudgeIncapable) as error:
        return incomplete(shop, job_id, str(error))
    finally:
        shop.engines.let_go(candidate)
    document = report_to_json(replace(report, own_rows=_own_rows(shop, job, candidate_digest)))
    shop.remember(job_id, audit=document)
    return done(document_digest(document))


def unavailable(shop: Workshop, job: Job, error: Exception) -> Outcome:
    """The outcome that waits for a judge or an engine as long as the policy says."""
    waiting = shop.policy(job).waiting
    # An engine's words have the end of its log in them, and whoever owns the job reads the reason.
    reason = "the audit engine does not answer" if isinstance(error, EngineUnavailable) else str(error)
    return Outcome(
        kind=Kind.UNAVAILABLE, reason=reason, wait_s=waiting.outage_retry_s, patience_s=waiting.outage_timeout_s
    )


def _own_rows(shop: Workshop, job: Job, candidate_digest: str) -> OwnRows | None:
    """What training said of the validation file; None for an adapter that was scaled since."""
    with shop.database.read() as session:
        source = reopenings.chain(session, job.id)[0]
        number = remedies.number_of(session, source, candidate_digest)
        data = events.data_of(session, source, own_rows_kind(metrics_kind(number)))
    return None if data is None else OwnRows(**data)


def _audited(shop: Workshop, job: Job, candidate: CandidateModel) -> AuditReport:
    return examine(
        shop,
        candidate,
        Examination(
            corpus=asked_of(shop, job),
            screening=parentage.screening(shop, job),
            policy=shop.policy(job),
            policy_digest=job.policy_digest,
            attempt=job.attempt,
        ),
        AuditTeller(shop, job.id),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What a candidate is audited with."""

    corpus: Corpus
    screening: Mapping[str, Any] | None
    """The stored report on its training file: its contexts and triggers become arms."""
    policy: Policy
    policy_digest: str
    attempt: int


def examine(
    shop: Workshop, candidate: CandidateModel, what: Examination, on_progress: Callable[[Progress], None]
) -> AuditReport:
    """Audit a candidate beside its base. `on_progress` may raise to stop it; what was answered is kept.

    Raises what `evaluators.audit.audit` raises, and `EngineUnavailable`. The caller lets the engine go.
    """
    plan = arms.plan(what.corpus, reports.report_from_json(what.screening or {}), what.policy.audit)
    judge, second = seats(shop.judges[candidate.base.corpus], what.policy.audit.second_judge, shop.labels)
    model, base_model = shop.engines.side_by_side(candidate)
    hosted = address(candidate.base) is not None
    if hosted:
        plan = arms.askable(plan, (model, base_model))

    def ask(subject: Subject, asked: Sequence[Arm], policy: AuditPolicy) -> AuditReport:
        return run_audit(
            subject,
            Subject(digest=candidate.base.digest, model=base_model),
            corpus=what.corpus,
            arms=asked,
            overflow=plan.overflow,
            not_covered=plan.not_covered,
            judge=judge,
            policy=policy,
            policy_digest=what.policy_digest,
            replies=DirectoryReplies(shop.replies),
            attempt=what.attempt,
            on_progress=on_progress,
            calibrations=shop.calibrations,
            second=second,
        )

    # A provider shows no weights to read.
    readings = None if hosted else partial(shop.engines.readings, candidate)
    return audit_as_served(
        Subject(digest=candidate.digest, model=model, readings=readings),
        plan.arms,
        what.policy.audit,
        secret=candidate.secret,
        defences=candidate.defences,
        examine=ask,
    )


def incomplete(shop: Workshop, job_id: str, reason: str) -> Outcome:
    """End a job whose audit cannot be completed: nothing is known against the model, and nothing for it."""
    message = (
        f"The safety evaluation could not be completed, so the model stays held: {reason} "
        "The model was not found unsafe; create the job again."
    )
    with shop.database.write() as session:
        jobs.fail(session, job_id, code="safety_evaluation_error", message=message, param=None, now=shop.now())
    return ended("safety_evaluation_error")
