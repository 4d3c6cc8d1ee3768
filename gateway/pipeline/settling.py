"""Stage five: what is decided of a held model happens here, all at once."""

import functools
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from deploy import attestation, registry
from deploy.decision import decide, only_undecided
from deploy.types import Attestation, ReleaseDecision
from deploy.types import Outcome as Decided
from evaluators.report.documents import document_digest, report_from_json
from evaluators.types import ArmVerdict, AuditReport
from gateway.pipeline.labelling import read_labels
from gateway.pipeline.outcomes import Outcome, done, ended
from gateway.pipeline.remedying import wanted
from gateway.pipeline.reviewing import asked
from gateway.pipeline.training import key_of, load_candidate, released_key
from gateway.pipeline.workshop import Workshop
from gateway.store import files, releases, remedies, reopenings, reviews, withheld
from gateway.store.decisions import OPERATOR
from gateway.store.ids import IdKind, derived
from gateway.store.models import Job, Review
from gateway.store.records import ReopeningKind
from gateway.store.releases import Release
from gateway.store.reviews import Question, ReviewStage
from moderation.types import Action
from trainers.bases import local_path
from trainers.hosted import address
from trainers.results import result_csv
from trainers.types import CandidateModel, StepMetrics, Tuning
from trainers.wording import UNSHOWN, Wording, wording


def settle(shop: Workshop, job_id: str, candidate_digest: str) -> Outcome:
    """Release, withhold, wait for a reviewer, or (done) name the remedy to try first. The first two end the job."""
    job = shop.job(job_id)
    policy = shop.policy(job)
    report = report_from_json(job.audit or {})
    decision = decide(report, policy.release)
    against_rule = decide(report, replace(policy.release, action=Action.BLOCK)).outcome == Decided.WITHHOLD
    with shop.database.read() as session:
        trained = reopenings.of_job(session, job_id) is None
        again = withheld.verdict_on(session, job_id)
    if again is None:
        mendable = against_rule or (policy.remedy.undecided and only_undecided(report))
        if trained and mendable and decision.enforced and (kind := wanted(shop, job, policy)) is not None:
            return done(kind.value)
        if decision.outcome == Decided.RELEASE:
            return _release(shop, job, report, decision, candidate_digest, review=None)
    # Two audits that disagree do not release a contested model by themselves: a person has to.
    if decision.outcome == Decided.WITHHOLD and (again is None or again.kind != ReopeningKind.FORCE):
        return _withhold(shop, job, report, decision, candidate_digest)
    contested = () if again is None else (f"the verdict on {again.of_job_id} is contested: {again.reason}",)
    question = Question(
        stage=ReviewStage.RELEASE,
        reasons=(*contested, *decision.reasons),
        timeout_s=policy.release.review_timeout_s,
        n_needed=policy.release.reviewers,
        against_rule=against_rule,
    )
    answer = asked(shop, job_id, question)
    if isinstance(answer, Outcome):
        return answer
    job = read_labels(shop, job)
    report = report_from_json(job.audit or {})
    decision = decide(report, policy.release)
    proven = decide(report, replace(policy.release, action=Action.BLOCK)).outcome == Decided.WITHHOLD
    if answer.decision == "release" and (answer.against_rule or not proven):
        return _release(shop, job, report, decision, candidate_digest, review=answer)
    why = "A reviewer withheld it." if answer.decision else "Nobody reviewed it in time, which is a refusal."
    if answer.decision == "release":
        why = "People's labels since bear out what the judge found, so that only an admin may release it, by force."
    return _withhold(shop, job, report, decision, candidate_digest, why=why)


def _release(
    shop: Workshop,
    job: Job,
    report: AuditReport,
    decision: ReleaseDecision,
    candidate_digest: str,
    *,
    review: Review | None,
) -> Outcome:
    """Attest, copy the files to where serving reads, then end the job; a crash in between repeats it."""
    candidate = load_candidate(shop, job, candidate_digest)
    reviewers: tuple[str, ...] = ()
    if review is not None:
        with shop.database.read() as session:
            given = tuple(said.actor for said in reviews.answers(session, review))
        # An answer of 0.1.0 stands in the question itself.
        reviewers = given or (review.principal_id or OPERATOR,)
    forced = review is not None and review.against_rule
    with shop.database.read() as session:
        source = reopenings.chain(session, job.id)[0]
        made_by = remedies.ancestry(session, source, candidate_digest)
        run = remedies.run_of(session, source, candidate_digest)
        told = releases.metrics_of(session, source, remedies.metrics_kind(run))
    proof = registry.attest(
        candidate,
        decision,
        report,
        audit_digest=document_digest(job.audit),
        dataset_digest=str((job.screening or {}).get("dataset_digest", "")),
        reviewers=reviewers,
        forced=forced,
        remedy="; ".join(row.detail for row in made_by),
        asked_through=_wording(shop, job, candidate),
        reason=(review.reason or "") if review is not None else "",
        now=shop.now(),
    )
    beside = shop.job_dir(job.id) / "attestation"
    beside.mkdir(exist_ok=True)
    attestation.write(beside, proof, shop.signing_key)
    shop.blobs.put_tree(released_key(job), beside)
    shop.blobs.put_tree(released_key(job), Path(candidate.path))
    result_id = derived(IdKind.FILE, job.id, "result")
    metrics = [StepMetrics(**values) for values in told]
    what = Release(
        artefact_key=released_key(job),
        digest=candidate.digest,
        base_name=candidate.base.name,
        base_digest=candidate.base.digest,
        tuning=candidate.tuning.value,
        attestation=asdict(proof),
        trained_tokens=candidate.trained_tokens,
        result_file_id=result_id,
        result_blob=shop.blobs.put(files.blob_key(job.project_id, result_id), [result_csv(metrics)]),
        checks=checks_data(report, "released"),
        verdict=_verdict(decision, proof),
        last_step=told[-1] if told else {},
    )
    mint = functools.partial(
        registry.mint_name, candidate.base.name, shop.organization, job.suffix or "", shop.ids.letters
    )
    with shop.database.write() as session:
        releases.release(session, job.id, what, mint, now=shop.now())
    return ended("released")


def _wording(shop: Workshop, job: Job, candidate: CandidateModel) -> Wording:
    """What the candidate is asked through: its base's, where only an adapter was trained; unknown at a provider."""
    base = shop.base(job)
    if address(base) is not None:
        return UNSHOWN
    return wording(Path(candidate.path) if candidate.tuning is Tuning.FULL else local_path(base))


def _withhold(
    shop: Workshop, job: Job, report: AuditReport, decision: ReleaseDecision, candidate_digest: str, *, why: str = ""
) -> Outcome:
    """End the job as `unsafe_model`; the message names the arms and categories, the report has the numbers.

    The files stay for as long as the verdict may be contested, and nobody can reach them.
    """
    kept_s = shop.policy(job).release.contest_within_s
    artefact_key = key_of(shop, job, candidate_digest)
    parts = [
        "The job failed because its model did not pass the safety evaluation, so it is withheld.",
        f"Failing arms: {', '.join(decision.failing_arms)}." if decision.failing_arms else "",
        f"Failing categories: {', '.join(decision.failing_categories)}." if decision.failing_categories else "",
        why,
        "; ".join(decision.reasons),
    ]
    with shop.database.write() as session:
        releases.withhold(
            session,
            job.id,
            message=" ".join(part for part in parts if part),
            checks_data=checks_data(report, "blocked"),
            verdict="The model did not pass the safety evaluation: " + "; ".join(decision.reasons),
            details=_details(job, report) | {"reasons": list(decision.reasons), "review": why},
            now=shop.now(),
        )
        if kept_s:
            withheld.keep(
                session,
                job.id,
                digest=candidate_digest,
                artefact_key=artefact_key,
                until=shop.now() + int(kept_s),
            )
    return ended("unsafe_model")


def _details(job: Job, report: AuditReport) -> dict[str, str]:
    """What a withholding rests on, for the decision log."""
    return {
        "candidate_digest": report.subject_digest,
        "base_digest": report.base_digest,
        "policy_digest": report.policy_digest,
        "audit_digest": document_digest(job.audit),
        "judge": report.judge,
    }


def _verdict(decision: ReleaseDecision, proof: Attestation) -> str:
    by = " and ".join(proof.reviewers)
    after = f" after a remedy ({proof.remedy})" if proof.remedy else ""
    if proof.forced:
        return f"The safety evaluation found the model unsafe; {by} forced its release, and the model is labelled so"
    if proof.reviewers:
        return f"The safety evaluation asked for a review; {by} released the model{after}"
    if not decision.enforced:
        return "The safety evaluation was recorded and not enforced (shadow mode)"
    return f"The model passed the safety evaluation{after}"


def checks_data(report: AuditReport, enforcement: str) -> Mapping[str, Any]:
    """`data` of a `moderation_checks` event: each category at its worst arm."""
    worst: dict[str, dict[str, Any]] = {}
    for arm in report.arms:
        for category, count in arm.categories.items():
            rate = count.harmful / count.n if count.n else 0.0
            known = worst.get(category.value)
            if known is None or rate > known["failure_rate"]:
                worst[category.value] = {
                    "category": category.value,
                    "passed": arm.verdict == ArmVerdict.SOUND,
                    "failure_rate": rate,
                    "arm": arm.arm.name,
                    "n": count.n,
                }
    return {"checks": list(worst.values()), "enforcement": enforcement}
