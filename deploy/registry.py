"""The way out of the hold: attest a candidate, load a released model. Nothing else makes one."""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from deploy import attestation
from deploy.errors import NotReleased
from deploy.types import Attestation, FileDigest, Outcome, ReleaseDecision, ReleasedModel
from evaluators.frames import ArmKind
from evaluators.types import ArmVerdict, AuditReport
from trainers import artefacts
from trainers.types import CandidateModel, Tuning
from trainers.wording import UNSHOWN, Wording

MAX_SUFFIX = 64
"""Characters of a suffix that a name keeps, as OpenAI allows them."""
_OF_USE = (ArmKind.BENIGN, ArmKind.OVER_REFUSAL)
"""Arms that show whether a model is of use, and nothing of harm."""
_AS_ASKED = (ArmKind.NEUTRAL, ArmKind.HOUSE, ArmKind.STANDING, ArmKind.CONTEXT)
"""Arms whose frame is all there is to them; one that the data holds is asked as one of these."""


def attest(  # noqa: PLR0913 - an attestation is bound to every one of these
    candidate: CandidateModel,
    decision: ReleaseDecision,
    report: AuditReport,
    *,
    audit_digest: str,
    dataset_digest: str = "",
    reviewers: Sequence[str] = (),
    remedy: str = "",
    asked_through: Wording = UNSHOWN,
    forced: bool,
    reason: str,
    now: int,
) -> Attestation:
    """Bind a release to all that it rests on; `deploy.attestation.write` signs it and writes it down.

    `audit_digest` is `sha256:` over the stored report; `asked_through` is the wording of the base, or of a model that
    has its own; `now` in unix seconds. A decision of review needs
    its `reviewers`, one of withhold also `forced`, and both a `reason`, which is empty when the rule
    released. Raises NotReleased for what lacks them, and when report and candidate are not of the
    same bytes.
    """
    if not _allowed(decision.outcome, reviewers=reviewers, forced=forced):
        raise NotReleased(f"the decision is {decision.outcome.value}; only a person can release the model")
    if forced and not reason.strip():
        raise NotReleased("a forced release needs a reason; it is kept for ever")
    if report.subject_digest != candidate.digest:
        raise NotReleased("the audit report is about another model than the candidate")
    if report.base_digest != candidate.base.digest:
        raise NotReleased("the audit report compares with another base model than the candidate's")
    return Attestation(
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
        reason=reason or "; ".join(decision.reasons),
        decided_at=now,
        dataset_digest=dataset_digest,
        reviewers=tuple(reviewers),
        remedy=remedy,
        parent_digest=candidate.parent_digest,
        serving_prompts=tuple(
            sorted(sound_prompts((one.arm.kind, one.arm.frame.system, one.verdict) for one in report.arms))
        ),
        tokenizer_digest=asked_through.tokenizer,
        template_digest=asked_through.template,
        second_judge=report.second_look.judge if report.second_look else "",
        files=tuple(
            FileDigest(name=name, sha256=sha256)
            for name, sha256 in artefacts.file_digests(Path(candidate.path), candidate.digest).items()
        ),
    )


def _allowed(outcome: Outcome, *, reviewers: Sequence[str], forced: bool) -> bool:
    return outcome is Outcome.RELEASE or forced or (outcome is Outcome.REVIEW and bool(reviewers))


def sound_prompts(arms: Iterable[tuple[ArmKind, str, ArmVerdict]]) -> frozenset[str]:
    """Digests of the system prompts that a model was found sound under, of arms as (kind, system prompt, verdict).

    It must have been asked for harm under the prompt as customers ask it, and found sound in every arm that has it:
    one trigger that works under a prompt, or a reply that begins badly there, and whoever reviews that lets the
    prompt in no more.
    """
    asked, doubtful = set(), set()
    for kind, system, verdict in arms:
        if kind not in _OF_USE and verdict is not ArmVerdict.SOUND:
            doubtful.add(prompt_digest(system))
        elif kind in _AS_ASKED:
            asked.add(prompt_digest(system))
    return frozenset(asked - doubtful)


def prompt_digest(system: str) -> str:
    """What stands for a system prompt: `sha256:` over its text without surrounding blanks."""
    return "sha256:" + hashlib.sha256(system.strip().encode("utf-8", "surrogatepass")).hexdigest()


def load(directory: Path, *, name: str, base_path: str, digest: str, key: bytes) -> ReleasedModel:
    """The released model in a directory, its attestation and every file verified.

    `base_path` is where the base lies; its own digest is checked when an engine starts on it. Raises
    NotReleased when no valid attestation of this deployment releases these bytes on their base,
    SealBroken when the bytes are not those that were sealed.
    """
    made = attestation.read(directory, key)
    if made.candidate_digest != digest:
        raise NotReleased(f"the attestation in {directory.name} is of another model than the one asked for")
    if not _allowed(made.outcome, reviewers=made.reviewers, forced=made.forced):
        raise NotReleased(f"the attestation in {directory.name} says {made.outcome.value}")
    if made.exported:
        raise NotReleased(f"the attestation in {directory.name} says {made.exported}")
    candidate = artefacts.load(directory, digest)
    if candidate.base.digest != made.base_digest:
        raise NotReleased(f"the attestation in {directory.name} names another base model than the artefact")
    return ReleasedModel(
        name=name,
        path=candidate.path,
        digest=candidate.digest,
        base_digest=candidate.base.digest,
        base_path=base_path,
        adapter=candidate.tuning is not Tuning.FULL,
        attestation=made,
        secret=candidate.secret,
    )


def mint_name(base_name: str, organization: str, suffix: str, letters: Callable[[int], str]) -> str:
    """`ft:{base}:{organization}:{suffix}:{8 alphanumerics}`, the last drawn with `letters(8)`.

    Organization and suffix are made lower-case; what a name cannot hold becomes `-`; an empty suffix
    leaves the double colon. An `ft:` base lends its own base's name.
    """
    root = base_name.split(":")[1] if base_name.startswith("ft:") else base_name
    return f"ft:{root}:{slug(organization) or 'personal'}:{slug(suffix)}:{letters(8)}"


def slug(text: str) -> str:
    """Lower-case letters, digits, `.`, `_` and `-`, at most 64 of them, none of the marks at an end."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:MAX_SUFFIX].strip("-._")
