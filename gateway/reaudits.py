"""Which released models were let out under what is not in force any more, and should be audited again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from evaluators.benchmarks.redrawing import bank_digest
from evaluators.judging.second_look import PERSON
from gateway.errors import PolicyError
from gateway.policy import Policy, parse
from gateway.store import reaudits
from gateway.store.models import Job, Model, PolicyVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What a release would be decided by now."""

    policies: Mapping[str, str]
    """`verdict_digest` of the policy of each project, by project id; none for a policy that is gone."""
    bases: Mapping[str, str]
    """Digest of each base model on the list, by name."""
    judges: Mapping[str, str]
    """Identity of the judge of each base model, by name of the base; none where no judge is configured."""
    corpora: Mapping[str, str]
    """Digest of the corpus of each base model, by name of the base."""

    def digest_for(self, model: Model) -> str:
        """Stands for all of it that concerns a model: another one means another change."""
        parts = (self.bases, self.judges, self.corpora)
        values = [self.policies.get(model.project_id), *(part.get(model.base_name) for part in parts)]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBy:
    """What let a model out, or stay: its job's audit, or the newest re-audit that it passed."""

    policy: str
    """Its `verdict_digest`."""
    judges: frozenset[str]
    """Identities of all configured judges that were asked, the second one with them."""
    corpus: str | None
    """Digest of the bank."""


def verdict_digest(policy: Policy) -> str:
    """`sha256:` over the settings that a verdict on a model depends on.

    How often heads are published or who must agree concerns no model that is released already.
    """
    document = policy.document
    decides = [document["screening"], document["audit"], document["release"]["action"]]
    return "sha256:" + hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def judged_by(session: Session, model: Model, job: Job, known: dict[str, str]) -> JudgedBy:
    """What the present standing of a released model rests on.

    `known` keeps the `verdict_digest` of stored policies by their digest, so that each is read once.
    """
    again = reaudits.standing(session, model.name)
    audit = (job.audit if again is None else again.audit) or {}
    pinned = job.policy_digest if again is None or again.policy_digest is None else again.policy_digest
    if pinned not in known:
        version = session.get_one(PolicyVersion, pinned)
        try:
            known[pinned] = verdict_digest(parse(version.name, version.document))
        except PolicyError:  # of a version that is not read any more
            known[pinned] = pinned
    return judged(known[pinned], audit)


def judged(policy: str, audit: Mapping[str, object]) -> JudgedBy:
    """What a stored audit rests on, under a policy of this `verdict_digest`."""
    look = audit.get("second_look")
    second = str(look["judge"]) if isinstance(look, dict) else ""
    asked = {*str(audit.get("judge")).split(" + "), second}
    corpus = audit.get("corpus_digest")
    return JudgedBy(
        policy=policy,
        judges=frozenset(name for name in asked if name and not name.startswith(f"{PERSON}@")),
        corpus=None if corpus is None else bank_digest(str(corpus)),
    )


def reasons(model: Model, by: JudgedBy, now: InForce) -> tuple[str, ...]:
    """Why a released model should be audited again; none when nothing changed that it was judged by."""
    found = []
    policy = now.policies.get(model.project_id)
    if policy != by.policy:
        change = "is gone" if policy is None else "decides by other settings now"
        found.append(f"policy: its project's {change}")
    base = now.bases.get(model.base_name)
    if base != model.base_digest:
        change = "is not on the list any more" if base is None else "has other bytes now"
        found.append(f"base: {model.base_name} {change}")
    judge = now.judges.get(model.base_name)
    if judge is None or set(judge.split(" + ")) != by.judges:
        change = "no judge is configured now" if judge is None else f"{judge} judges now"
        found.append(f"judge: {' + '.join(sorted(by.judges))} judged it, {change}")
    if now.corpora.get(model.base_name) != by.corpus:
        found.append("prompts: the bank that it was audited with was changed")
    return tuple(found)
