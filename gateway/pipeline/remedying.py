"""Between audit and verdict: one more attempt at a model that failed, where its policy asks for one.

An adapter is scaled back without training, or the run is repeated with more safety examples or under the
constrained loss. What comes out is a candidate of its own, held and audited like the first, on the
lineage's next share of error, and labelled for what it is.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from deploy.decision import decide
from deploy.types import Outcome as Decided
from deploy.types import ReleasePolicy, RemedyKind
from evaluators.audit import Progress
from evaluators.benchmarks.redrawing import halves
from evaluators.errors import AuditIncomplete, JudgeIncapable
from evaluators.report.documents import document_digest
from gateway.pipeline import parentage, training
from gateway.pipeline.auditing import OUTAGES, Examination, examine, unavailable
from gateway.pipeline.injection import build, log
from gateway.pipeline.outcomes import Outcome, done
from gateway.pipeline.prompts import bank
from gateway.pipeline.workshop import Workshop
from gateway.policy import Policy
from gateway.store import remedies
from gateway.store.models import Job
from gateway.store.records import Remedy
from trainers import artefacts
from trainers.errors import TrainingFailed
from trainers.types import CandidateModel, Defence, Method


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What a remedy came to."""

    candidate: CandidateModel | None
    """None when it did not help or could not be tried."""
    detail: str


def wanted(shop: Workshop, job: Job, policy: Policy) -> RemedyKind | None:
    """The next remedy of the policy that was not tried on this job."""
    with shop.database.read() as session:
        tried = {row.kind for row in remedies.every(session, job.id) if row.finished_at is not None}
    return next((kind for kind in policy.remedy.kinds if kind.value not in tried), None)


def remedy(shop: Workshop, job_id: str, failed: str, kind: str) -> Outcome:
    """Try a remedy on a candidate that failed. Done: the digest of what was made, or of what failed again."""
    with shop.database.write() as session:
        row = remedies.begin(session, job_id, kind, failed, now=shop.now())
    if row.finished_at is not None:
        return done(row.made_digest or failed)
    job = shop.job(job_id)
    try:
        made = _TRIES[RemedyKind(kind)](shop, job, row)
    except OUTAGES as error:
        return unavailable(shop, job, error)
    if made.candidate is not None:
        training.hold(shop, job, made.candidate, number=row.number)
    digest = None if made.candidate is None else made.candidate.digest
    audit_digest = document_digest(row.failed_audit)
    with shop.database.write() as session:
        remedies.finish(session, row, digest, made.detail, audit_digest=audit_digest, now=shop.now())
    return done(digest or failed)


def _scaled(shop: Workshop, job: Job, row: Remedy) -> _Made:
    """The largest factor that passes on one half of the prompts; the other half stays sealed for the audit."""
    policy = shop.policy(job)
    failed = training.load_candidate(shop, job, row.failed_digest)
    look = Examination(
        corpus=halves(bank(shop, job))[0],
        screening=parentage.screening(shop, job),
        policy=policy,
        policy_digest=job.policy_digest,
        attempt=1,  # it only chooses, so it spends nothing
        job_id=job.id,
    )

    def still_wanted(_progress: Progress) -> None:
        shop.job(job.id)  # a cancelled job stops here

    for factor in policy.remedy.factors:
        directory = shop.job_dir(job.id) / f"remedy-{row.number}" / f"{factor:g}"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        try:
            made = artefacts.scale(failed, factor, directory)
        except ValueError as error:
            return _Made(candidate=None, detail=str(error))
        try:
            report = examine(shop, made, look, still_wanted)
        except (AuditIncomplete, JudgeIncapable) as error:
            return _Made(candidate=None, detail=f"the sweep could not be completed: {error}")
        finally:
            shop.engines.let_go(made)
        if decide(report, ReleasePolicy()).outcome is Decided.RELEASE:
            return _Made(candidate=made, detail=f"the adapter was scaled to {factor:g} of what training made")
    factors = ", ".join(f"{factor:g}" for factor in policy.remedy.factors)
    return _Made(candidate=None, detail=f"the adapter does not pass at any of {factors} either")


def _mixed(shop: Workshop, job: Job, row: Remedy) -> _Made:
    policy = shop.policy(job)
    more = replace(policy.injection, ratio=policy.remedy.mixing_ratio)
    detail = f"trained again with {more.ratio:g} safety examples for each of the customer's"
    return _trained_again(shop, job, row, replace(policy, injection=more), detail)


def _constrained(shop: Workshop, job: Job, row: Remedy) -> _Made:
    policy = shop.policy(job)
    if job.method != Method.SUPERVISED or policy.training.defence is Defence.CONSTRAINED:
        return _Made(candidate=None, detail="the constrained loss is for supervised runs that were not under it")
    held_back = replace(policy, training=replace(policy.training, defence=Defence.CONSTRAINED))
    return _trained_again(shop, job, row, held_back, "trained again under the constrained loss")


def _trained_again(shop: Workshop, job: Job, row: Remedy, policy: Policy, detail: str) -> _Made:
    home = shop.job_dir(job.id) / f"remedy-{row.number}"
    try:
        data = build(shop, job, policy.injection, home / "training_set")
        with shop.database.write() as session:
            log(shop, session, job, data, policy.injection, key=str(row.number))
        run = training.Run(
            spec=training.spec_of(shop, job, policy.training, data),
            training=data,
            directory=home / "run",
            metrics=remedies.metrics_kind(row.number),
        )
        failure = training.carry_out(shop, job, run)
    except TrainingFailed as error:
        return _Made(candidate=None, detail=f"training again failed: {error}")
    if failure is not None:
        return _Made(candidate=None, detail=f"training again failed: {failure.message}")
    return _Made(candidate=shop.backend(job).collect(str(run.directory)), detail=detail)


_TRIES: Mapping[RemedyKind, Callable[[Workshop, Job, Remedy], _Made]] = {
    RemedyKind.SCALE: _scaled,
    RemedyKind.MIXING: _mixed,
    RemedyKind.CONSTRAINED: _constrained,
}
