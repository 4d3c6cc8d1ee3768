"""The way out of the hold: attest a candidate, load a released model. Nothing else makes one."""

import random
import re
from pathlib import Path

from deploy import attestation
from deploy.errors import NotReleased
from deploy.types import Attestation, Outcome, ReleaseDecision, ReleasedModel
from evaluators.types import AuditReport
from trainers import artefacts
from trainers.types import CandidateModel, Tuning

MAX_SUFFIX = 64
"""Characters of a suffix that a name keeps, as OpenAI allows them."""
_CODE_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def attest(
    candidate: CandidateModel,
    decision: ReleaseDecision,
    report: AuditReport,
    *,
    audit_digest: str,
    key: bytes,
    now: int,
    forced_because: str | None = None,
) -> Attestation:
    """Bind a release to all that it rests on, and write it beside the artefact.

    `audit_digest` is `sha256:` over the stored report; `now` in unix seconds. A decision other than
    release is attested only with `forced_because`, a person's reason, and is marked as forced.
    Raises NotReleased otherwise, or when report and candidate are not of the same bytes. Writing it
    twice with the same arguments leaves the same file.
    """
    forced = decision.outcome is not Outcome.RELEASE
    if forced and not forced_because:
        raise NotReleased(f"the decision is {decision.outcome.value}; only a person's reason can release the model")
    if report.subject_digest != candidate.digest:
        raise NotReleased("the audit report is about another model than the candidate")
    if report.base_digest != candidate.base.digest:
        raise NotReleased("the audit report compares with another base model than the candidate's")
    made = Attestation(
        candidate_digest=candidate.digest,
        base_digest=candidate.base.digest,
        training_set_digest=candidate.training_set_digest,
        policy_digest=report.policy_digest,
        audit_digest=audit_digest,
        corpus_digest=report.corpus_digest,
        judge=report.judge,
        outcome=decision.outcome,
        enforced=decision.enforced,
        forced=forced,
        reason=forced_because or "; ".join(decision.reasons),
        decided_at=now,
    )
    attestation.write(Path(candidate.path), made, key)
    return made


def load(directory: Path, *, name: str, base_path: str, digest: str, key: bytes) -> ReleasedModel:
    """The released model in a directory, its attestation and every file verified.

    `base_path` is where the base lies; its own digest is checked when an engine starts on it. Raises
    NotReleased when no valid attestation of this deployment releases these bytes on their base,
    SealBroken when the bytes are not those that were sealed.
    """
    made = attestation.read(directory, key)
    if made.candidate_digest != digest:
        raise NotReleased(f"the attestation in {directory.name} is of another model than the one asked for")
    if made.outcome is not Outcome.RELEASE and not made.forced:
        raise NotReleased(f"the attestation in {directory.name} says {made.outcome.value}")
    candidate = artefacts.load(directory, digest)
    if candidate.base.digest != made.base_digest:
        raise NotReleased(f"the attestation in {directory.name} names another base model than the artefact")
    return ReleasedModel(
        name=name,
        path=candidate.path,
        digest=candidate.digest,
        base_digest=candidate.base.digest,
        base_path=base_path,
        adapter=candidate.tuning is Tuning.LORA,
        attestation=made,
    )


def mint_name(base_name: str, organization_slug: str, suffix: str | None, rng: random.Random) -> str:
    """`ft:{base}:{organization}:{suffix}:{8 alphanumerics}`, fresh at each call.

    The suffix is made lower-case; what a name cannot hold becomes `-`; an empty one leaves the double
    colon. The base part of an `ft:` base is its own base.
    """
    root = base_name.split(":")[1] if base_name.startswith("ft:") else base_name
    code = "".join(rng.choice(_CODE_LETTERS) for _ in range(8))
    return f"ft:{root}:{slug(organization_slug) or 'personal'}:{slug(suffix or '')}:{code}"


def slug(text: str) -> str:
    """Lower-case letters, digits, `.`, `_` and `-`, at most 64 of them, none of the marks at an end."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:MAX_SUFFIX].strip("-._")
