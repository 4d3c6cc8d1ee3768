"""The decision log: who let what through or stopped it, when, and on which digests.

Entries are only ever added. Each carries the hash of the one before, so that a row that was changed,
dropped or moved breaks the chain; a chain that was rewritten or cut short as a whole differs from
the heads published before (`gateway.store.heads`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store.database import lock
from gateway.store.models import Job, Model
from gateway.store.records import Decision

GENESIS = "sha256:" + "0" * 64
"""`previous` of the first entry."""
POLICY = "policy"
"""Actor of what the rules decided by themselves."""
OPERATOR = "operator"
"""Actor of what was done at the command line, where keys are not asked for."""
FIELDS = ("sequence", "key", "kind", "at", "actor", "project_id", "job_id", "details", "previous")
"""What the hash is over."""


class DecisionKind(StrEnum):
    """What was decided."""

    SCREENING = "screening"
    """The verdict on a file."""
    INJECTION = "injection"
    """What was trained on: the screened file and the safety examples mixed in."""
    REVIEW = "review"
    """One person's answer to a question, or that nobody answered in time."""
    RELEASE = "release"
    WITHHOLD = "withhold"
    REMEDY = "remedy"
    """A model that failed its audit was scaled back or trained again, or could not be."""
    REOPEN = "reopen"
    """A withheld model is looked at again: a contest, or a forced release."""
    REAUDIT = "reaudit"
    """What a released model's audit under what is in force now came to."""
    REVOKE = "revoke"
    """A released model was taken away for good, by its owner or an operator."""
    HOLD = "hold"
    """A released model did not verify and went back into the hold."""
    EXPORT = "export"
    """A released model's weights were asked for; where they go, no gate applies."""
    READMIT = "readmit"
    """It verifies again, and an operator let it out of the hold."""


def of_job(
    session: Session,
    job: Job,
    kind: DecisionKind,
    details: Mapping[str, Any],
    *,
    now: int,
    actor: str = POLICY,
    key: str = "",
) -> Decision:
    """Add a decision about a job; `key` tells apart several of one kind. Said twice it is one entry."""
    parts = [kind.value, job.id, *([key] if key else [])]
    return _append(
        session,
        key="/".join(parts),
        kind=kind,
        project_id=job.project_id,
        job_id=job.id,
        details=details,
        now=now,
        actor=actor,
    )


def of_model(
    session: Session, model: Model, kind: DecisionKind, details: Mapping[str, Any], *, now: int, actor: str
) -> Decision:
    """Add a decision about a released model; one of a kind can be taken again after the other."""
    names = {"model": model.name, "model_digest": model.digest}
    n_before = len(session.scalars(select(Decision.sequence).where(Decision.job_id == model.job_id)).all())
    return _append(
        session,
        key=f"{kind.value}/{model.name}/{n_before}",
        kind=kind,
        project_id=model.project_id,
        job_id=model.job_id,
        details=names | dict(details),
        now=now,
        actor=actor,
    )


def entries(session: Session, job_id: str | None = None) -> Sequence[Decision]:
    """The whole log, or the entries about one job, oldest first."""
    query = select(Decision).order_by(Decision.sequence)
    return session.scalars(query if job_id is None else query.where(Decision.job_id == job_id)).all()


def head(session: Session) -> Decision | None:
    """The newest entry."""
    return session.scalar(select(Decision).order_by(Decision.sequence.desc()).limit(1))


def entry_hash(entry: Decision) -> str:
    """`sha256:` over the canonical JSON of an entry's fields, that before it included."""
    plain = {field: getattr(entry, field) for field in FIELDS}
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def flaws(log: Iterable[Decision], published: Iterable[tuple[int, str]] = ()) -> list[str]:
    """One sentence for each thing that is wrong with the log; none when it is whole.

    `published` are (sequence, hash) of heads that were published, in any order.
    """
    found: list[str] = []
    hashes: dict[int, str] = {}
    expected, previous = 1, GENESIS
    for entry in log:
        if entry.sequence != expected:
            found.append(f"entry {expected} is missing; {entry.sequence} follows {expected - 1}")
        if entry.previous != previous:
            found.append(f"entry {entry.sequence} does not follow the entry before it")
        if entry_hash(entry) != entry.hash:
            found.append(f"entry {entry.sequence} was changed after it was written")
        hashes[entry.sequence] = entry.hash
        expected, previous = entry.sequence + 1, entry.hash
    for sequence, hash in published:
        if hashes.get(sequence) != hash:
            state = "is gone" if sequence not in hashes else "is another"
            found.append(f"entry {sequence} was published as {hash[:19]} and {state}")
    return found


def _append(
    session: Session,
    *,
    key: str,
    kind: DecisionKind,
    project_id: str,
    job_id: str | None,
    details: Mapping[str, Any],
    now: int,
    actor: str,
) -> Decision:
    lock(session.connection())
    known = session.scalar(select(Decision).where(Decision.key == key))
    if known is not None:
        return known
    last = head(session)
    entry = Decision(
        sequence=1 if last is None else last.sequence + 1,
        key=key,
        kind=kind.value,
        at=now,
        actor=actor,
        project_id=project_id,
        job_id=job_id,
        # As it will be read back, so that the hash is of what is stored.
        details=json.loads(json.dumps(dict(details))),
        previous=GENESIS if last is None else last.hash,
    )
    entry.hash = entry_hash(entry)
    session.add(entry)
    session.flush()
    return entry
