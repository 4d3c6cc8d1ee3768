"""Which released models were let out under what is not in force any more, and should be audited again."""

from collections.abc import Mapping
from dataclasses import dataclass

from evaluators.second_look import PERSON
from gateway.store.models import Job, Model


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What a release would be decided by now."""

    policies: Mapping[str, str]
    """Digest of the policy of each project, by project id; none for a policy that is gone."""
    bases: Mapping[str, str]
    """Digest of each base model on the list, by name."""
    judges: Mapping[str, str]
    """Identity of the judge of each base model, by name of the base; none where no judge is configured."""
    corpora: Mapping[str, str]
    """Digest of the corpus of each base model, by name of the base."""


def reasons(model: Model, job: Job, now: InForce) -> tuple[str, ...]:
    """Why a released model should be audited again; none when nothing changed that it was judged by."""
    audit = job.audit or {}
    found = []
    policy = now.policies.get(model.project_id)
    if policy != job.policy_digest:
        change = "is gone" if policy is None else f"is {policy[:19]} now"
        found.append(f"policy: it was decided under {job.policy_digest[:19]}, its project's {change}")
    base = now.bases.get(model.base_name)
    if base != model.base_digest:
        change = "is not on the list any more" if base is None else "has other bytes now"
        found.append(f"base: {model.base_name} {change}")
    judge = now.judges.get(model.base_name)
    if judge is None or set(judge.split(" + ")) != _judges(audit):
        change = "no judge is configured now" if judge is None else f"{judge} judges now"
        found.append(f"judge: {audit.get('judge')} judged it, {change}")
    if now.corpora.get(model.base_name) != audit.get("corpus_digest"):
        found.append("prompts: the bank that it was audited with was changed")
    return tuple(found)


def _judges(audit: Mapping[str, object]) -> set[str]:
    """Identities of all configured judges that an audit asked, the second one with them."""
    look = audit.get("second_look")
    second = str(look["judge"]) if isinstance(look, dict) else ""
    asked = {*str(audit.get("judge")).split(" + "), second}
    return {name for name in asked if name and not name.startswith(f"{PERSON}@")}
