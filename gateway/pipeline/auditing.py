"""Stage four: ask the candidate and its untouched base the same things, side by side."""

import hashlib
import logging
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
from gateway.pipeline.training import held_key, key_of, load_candidate, own_rows_kind
from gateway.pipeline.workshop import Workshop
from gateway.policy import Policy
from gateway.store import events, jobs, remedies, reopenings, withheld
from gateway.store.models import Job, JobState
from gateway.store.reopenings import UNAUDITED
from moderation.errors import ChatUnavailable
from moderation.screening import reports
from trainers import artefacts
from trainers.hosted import address
from trainers.types import CandidateModel, OwnRows

GUESS_S = 300
"""Seconds that an audit may take; a guess."""
DAY_S = 24 * 3600
INCOMPLETE_TRIES = 3
"""How often an audit is begun that cannot be completed as things stand."""
OUTAGES = (JudgeUnavailable, EngineUnavailable, ChatUnavailable)
"""What is waited out."""

logger = logging.getLogger(__name__)


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
        return incomplete(shop, job, error)
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


def incomplete(shop: Workshop, job: Job, error: AuditIncomplete | JudgeIncapable) -> Outcome:
    """The outcome that waits for the operator to mend what an audit cannot be completed with, such as the judge.

    It is tried `INCOMPLETE_TRIES` times and no more: each costs an audit's judgements, and a judge that fails its
    canaries must not be asked until it is lucky.
    """
    waiting = shop.policy(job).waiting
    wait_s = max(waiting.outage_retry_s, waiting.outage_timeout_s / (INCOMPLETE_TRIES - 1))
    return Outcome(kind=Kind.UNAVAILABLE, reason=str(error), wait_s=wait_s, patience_s=waiting.outage_timeout_s)


def left_in_the_hold(shop: Workshop, job_id: str) -> str:
    """Digest of the candidate that a job whose workflow was lost has in the hold; empty where it made none."""
    with shop.database.read() as session:
        job = jobs.find(session, job_id)
        again = reopenings.of_job(session, job_id)
        kept = None if again is None else withheld.find(session, again.of_job_id)
        made = [row.made_digest for row in remedies.every(session, job_id) if row.made_digest is not None]
    if kept is not None or made:
        return kept.digest if kept is not None else made[-1]
    try:
        with shop.blobs.open(f"{held_key(job)}/{artefacts.MANIFEST}") as manifest:  # written last: the model is whole
            return f"sha256:{hashlib.sha256(manifest.read()).hexdigest()}"
    except FileNotFoundError:
        return ""


def unaudited(shop: Workshop, job_id: str, candidate_digest: str, why: str) -> Outcome:
    """End a job whose audit could not be completed: nothing is known against its model, and nothing for it.

    The files stay for as long as the policy says, as those of a withheld model do: they can be audited again.
    """
    with shop.database.read() as session:
        job = jobs.find(session, job_id)
    kept_s = int(shop.policy(job).release.contest_within_s)
    key, now = key_of(shop, job, candidate_digest), shop.now()
    follows = (
        f"The model stays held for {kept_s / DAY_S:g} days: in that time POST /v1/fine_tuning/jobs/{job_id}/contest "
        "has it audited again, without training."
        if kept_s
        else "The policy keeps no model that was not released: it is deleted. Create the job again."
    )
    message = f"The safety evaluation could not be completed; the model was not found unsafe. {why} {follows}"
    with shop.database.write() as session:
        row = jobs.fail(session, job_id, code=UNAUDITED, message=message, param=None, now=now)
        if kept_s and row.error_code == UNAUDITED:  # and did not end otherwise a moment ago
            withheld.keep(session, job_id, digest=candidate_digest, artefact_key=key, until=now + kept_s)
    logger.error("job %s: its audit could not be completed", job_id)
    return ended(UNAUDITED)


def _own_rows(shop: Workshop, job: Job, candidate_digest: str) -> OwnRows | None:
    """What training said of the validation file; None for an adapter that was scaled since."""
    with shop.database.read() as session:
        source = reopenings.chain(session, job.id)[0]
        number = remedies.number_of(session, source, candidate_digest)
        data = events.data_of(session, source, own_rows_kind(remedies.metrics_kind(number)))
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
            job_id=job.id,
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
    job_id: str
    """For which the replies are kept."""


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
            replies=DirectoryReplies(shop.replies, what.job_id),
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
