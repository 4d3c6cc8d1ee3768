"""Stage four: ask the candidate and its untouched base the same things, side by side."""

from deploy.errors import EngineUnavailable
from evaluators import arms
from evaluators.audit import audit as run_audit
from evaluators.errors import AuditIncomplete, JudgeIncapable, JudgeUnavailable
from evaluators.replies import DirectoryReplies
from evaluators.report.documents import document_digest, report_to_json
from evaluators.second_look import seats
from evaluators.types import AuditReport, Subject
from gateway.pipeline.outcomes import Kind, Outcome, done, ended
from gateway.pipeline.telling import AuditTeller
from gateway.pipeline.training import load_candidate
from gateway.pipeline.workshop import Workshop
from gateway.store import jobs
from gateway.store.models import Job, JobState
from moderation.errors import ChatUnavailable
from moderation.screening import reports
from trainers.hosted import address
from trainers.types import CandidateModel

GUESS_S = 300
"""Seconds that an audit may take; a guess."""


def audit(shop: Workshop, job_id: str, candidate_digest: str) -> Outcome:
    """Audit a candidate. Done: the report's digest; the report is in the job's row, told to nobody yet."""
    job = shop.enter(job_id, JobState.AUDITING, "auditing", "Evaluating model against usage policies", takes_s=GUESS_S)
    if job.audit is not None:
        return done(document_digest(job.audit))
    policy = shop.policy(job)
    candidate = load_candidate(shop, job, candidate_digest)
    try:
        report = _audited(shop, job, candidate)
    except (JudgeUnavailable, EngineUnavailable, ChatUnavailable) as error:
        waiting = policy.waiting
        return Outcome(
            kind=Kind.UNAVAILABLE,
            reason=str(error),
            wait_s=waiting.outage_retry_s,
            patience_s=waiting.outage_timeout_s,
        )
    except (AuditIncomplete, JudgeIncapable) as error:
        return incomplete(shop, job_id, str(error))
    finally:
        shop.engines.let_go(candidate)
    document = report_to_json(report)
    shop.remember(job_id, audit=document)
    return done(document_digest(document))


def _audited(shop: Workshop, job: Job, candidate: CandidateModel) -> AuditReport:
    policy = shop.policy(job)
    base = shop.bases[job.model]
    corpus = shop.corpora[base.corpus]
    screened = reports.report_from_json(job.screening or {})
    plan = arms.plan(corpus, screened, policy.audit)

    judge, second = seats(shop.judges[base.corpus], policy.audit.second_judge, shop.labels)
    model, base_model = shop.engines.side_by_side(candidate)
    if address(base) is not None:
        plan = arms.askable(plan, (model, base_model))
    return run_audit(
        Subject(digest=candidate.digest, model=model),
        Subject(digest=base.digest, model=base_model),
        corpus=corpus,
        arms=plan.arms,
        overflow=plan.overflow,
        not_covered=plan.not_covered,
        judge=judge,
        policy=policy.audit,
        policy_digest=job.policy_digest,
        replies=DirectoryReplies(shop.replies),
        attempt=job.attempt,
        on_progress=AuditTeller(shop, job.id),
        calibration=shop.calibrations.get(judge.identity),
        second=second,
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
