"""What is known about a job, as one JSON object: digests and figures, and nothing that a model said.

A contest, a forced release and an audit that is made again are jobs of their own on a model that another trained:
what those before it did and were asked is told with it.
Text of the training file is left out as well: contexts are given by digest and share.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from deploy.registry import prompt_digest
from deploy.signing import key_id, public_key
from evaluators.report.documents import document_digest, report_from_json, summary
from evaluators.report.table import envelope_of
from gateway.evidence.signing import TYPE
from gateway.policy import parse
from gateway.store import decisions, jobs, reaudits, releases, remedies, reopenings, reviews, serving_prompts
from gateway.store.models import File, Job, Model, PolicyVersion
from gateway.store.records import Decision
from gateway.verifying import Verifier

JOB_FIELDS = (
    "id", "project_id", "principal_id", "state", "model", "method", "seed", "attempt", "hyperparameters",
    "trained_tokens", "created_at", "finished_at", "error_code", "error_message", "fine_tuned_model",
)  # fmt: skip
SCREENING_FIELDS = (
    "verdict", "examples", "flagged_lines", "dropped_lines", "findings", "coverage", "reasons", "screened_by",
    "dataset_digest", "policy_digest",
)  # fmt: skip


def job_of(session: Session, name: str) -> Job:
    """The job of an `ft:` name, or of its own id. Raises `NotFound`."""
    model = session.get(Model, name)
    return jobs.find(session, name if model is None else model.job_id)


def collect(session: Session, job: Job, verifier: Verifier, *, organization: str, now: int) -> dict[str, Any]:
    """The evidence on a job, whatever became of it; `now` in unix seconds."""
    chain = reopenings.chain(session, job.id)
    log = [entry for one in chain for entry in decisions.entries(session, one)]
    before = [jobs.find(session, one) for one in chain[:-1]]
    run = remedies.run_of(session, chain[0], _candidate(session, chain[0], [job, *reversed(before)]))
    policy = session.get(PolicyVersion, job.policy_digest)
    public = public_key(verifier.key)
    return {
        "type": TYPE,
        "made_at": now,
        "deployment": {"organization": organization, "public_key": public.hex(), "keyid": key_id(public)},
        "job": {field: getattr(job, field) for field in JOB_FIELDS},
        "data": _data(session, job),
        "screening": _screening(job.screening),
        "injection": _injection(log, chain[0], run),
        "run": _run(session, chain[0], run),
        "audit": _audit(job.audit) if policy is None else _with_envelope(_audit(job.audit), job.audit, policy),
        "earlier_audits": [{"job_id": one.id, "audit": _audit(one.audit)} for one in before],
        "policy": None if policy is None else {"digest": policy.digest, "name": policy.name, "rules": policy.document},
        "reviews": [review for one in chain for review in _reviews(session, one)],
        "remedies": _remedies(session, chain[0]),
        "reopens": _reopens(session, job),
        "release": _release(session, job, verifier),
        "reaudits": _reaudits(session, job),
        "log": {
            "entries": [{field: getattr(entry, field) for field in (*decisions.FIELDS, "hash")} for entry in log],
            "flaws_of_the_whole_log": decisions.flaws(decisions.entries(session)),
        },
    }


def _data(session: Session, job: Job) -> Mapping[str, Any]:
    found = {}
    for which, file_id in (("training_file", job.training_file_id), ("validation_file", job.validation_file_id)):
        row = session.scalar(select(File).where(File.id == file_id))
        if row is not None:
            found[which] = {"id": row.id, "bytes": row.bytes, "sha256": row.sha256, "uploaded_at": row.created_at}
    return found


def _screening(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if report is None:
        return None
    shown = {field: report[field] for field in SCREENING_FIELDS if field in report}
    shown["contexts"] = [
        {"system_digest": prompt_digest(context["system"]), "share": context["share"]}
        for context in report.get("contexts", ())
    ]
    return shown


def _candidate(session: Session, trained_by: str, newest_first: Sequence[Job]) -> str:
    """Digest of the model that this is about: the newest that was audited, or else made; empty for that of training."""
    audited = [str(job.audit.get("subject_digest", "")) for job in newest_first if job.audit is not None]
    made = [row.made_digest for row in reversed(remedies.every(session, trained_by)) if row.made_digest is not None]
    return next(iter((*audited, *made)), "")


def _injection(log: Sequence[Decision], job_id: str, run: int) -> Mapping[str, Any] | None:
    """What the run that made the model was trained on; none where an early release did not log it for a remedy."""
    key = f"{decisions.DecisionKind.INJECTION}/{job_id}" + (f"/{run}" if run else "")
    return next((entry.details for entry in log if entry.key == key), None)


def _run(session: Session, job_id: str, run: int) -> dict[str, Any]:
    """The run that made a model."""
    told = releases.metrics_of(session, job_id, remedies.metrics_kind(run))
    return {"remedy": run or None, "steps": len(told), "last_metrics": told[-1] if told else None}


def _audit(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The audit's figures by arm; frames and examples stay behind."""
    if report is None:
        return None
    read = report_from_json(report)
    digests = {
        "audit_digest": document_digest(report),
        "candidate_digest": read.subject_digest,
        "base_digest": read.base_digest,
        "corpus_digest": read.corpus_digest,
        "policy_digest": read.policy_digest,
    }
    return digests | summary(read)


def _with_envelope(
    told: dict[str, Any] | None, report: Mapping[str, Any] | None, pinned: PolicyVersion
) -> dict[str, Any] | None:
    """The figures with what the rule of the pinned policy lets through."""
    if told is None or report is None:
        return told
    return told | {"envelope": envelope_of(report_from_json(report), parse(pinned.name, pinned.document).audit)}


def _reviews(session: Session, job_id: str) -> list[dict[str, Any]]:
    fields = ("stage", "reasons", "opened_at", "expires_at", "n_needed", "against_rule", "decision", "decided_at")
    return [
        {field: getattr(review, field) for field in fields}
        | {
            "job_id": job_id,
            "answers": [
                {"actor": said.actor, "decision": said.decision, "reason": said.reason, "at": said.created_at}
                for said in reviews.answers(session, review)
            ],
        }
        for review in reviews.of_job(session, job_id)
    ]


def _remedies(session: Session, job_id: str) -> list[dict[str, Any]]:
    """What was tried after an audit had failed, each with that audit, and with the run that it took the place of."""
    return [
        {
            "failed_run": _run(session, job_id, remedies.run_of(session, job_id, row.failed_digest)),
            "kind": row.kind,
            "detail": row.detail,
            "made_digest": row.made_digest,
            "failed_audit": _audit(row.failed_audit),
        }
        for row in remedies.every(session, job_id)
    ]


def _reopens(session: Session, job: Job) -> dict[str, Any] | None:
    row = reopenings.of_job(session, job.id)
    fields = ("of_job_id", "kind", "actor", "reason", "created_at")
    return None if row is None else {field: getattr(row, field) for field in fields}


def _reaudits(session: Session, job: Job) -> list[dict[str, Any]]:
    fields = ("reasons", "policy_digest", "opened_at", "due_at", "outcome", "detail", "finished_at")
    rows = [] if job.fine_tuned_model is None else reaudits.of_model(session, job.fine_tuned_model)
    return [{field: getattr(row, field) for field in fields} | {"audit": _audit(row.audit)} for row in rows]


def _release(session: Session, job: Job, verifier: Verifier) -> dict[str, Any] | None:
    """The released model as it is now: what it is bound to, and whether it still verifies."""
    row = session.scalar(select(Model).where(Model.job_id == job.id).order_by(Model.created_at))
    if row is None:
        return None
    found = verifier.verify(row)
    prompts = serving_prompts.of_model(session, row.name)
    return {
        "model": row.name,
        "digest": row.digest,
        "attestation": row.attestation,
        "verifies": not found.problems,
        "problems": list(found.problems),
        "revoked_at": row.revoked_at,
        "held_at": row.held_at,
        "served_under": [
            {"system_digest": one.prompt_digest, "requests": one.n_requests, "audited": one.audited} for one in prompts
        ],
    }
