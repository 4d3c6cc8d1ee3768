"""Under which system prompts released models are asked, and whether they were audited under them.

A model is audited under the prompts known at its audit; an attacker may train under one and serve
under another. So the gateway counts, by digest and never by text, and a policy with
`serving.contexts = "audited"` refuses a prompt that no audit saw.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from deploy.errors import NotReleased
from deploy.registry import prompt_digest, sound_prompts
from deploy.types import ServingContexts
from evaluators.frames import ArmKind
from evaluators.types import ArmVerdict
from gateway.errors import ApiError
from gateway.store import reaudits, serving_prompts
from gateway.store.database import Database
from gateway.store.errors import DatabaseUnavailable
from gateway.store.models import Job, PolicyVersion

WRITE_AFTER_S = 1.0
NONE = prompt_digest("")
"""Stands for a request without a system prompt."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What a model's policy says, which does not change once it is released, and what its audits say to date."""

    contexts: ServingContexts
    digests: frozenset[str]


@dataclass(frozen=True, slots=True)
class AuditOf:
    """What was audited of a model: a question that `gateway.store.memory` remembers."""

    model: str

    def ask(self, session: Session) -> Audited | None:
        """None for a model that is not in service."""
        job_id = serving_prompts.job_of(session, self.model)
        if job_id is None:
            return None
        job = session.get_one(Job, job_id)
        policy = session.get(PolicyVersion, job.policy_digest)
        if policy is None:
            return None
        mode = policy.document.get("serving", {}).get("contexts", ServingContexts.ANY.value)
        audits = reaudits.reports(session, self.model, released_on=job.audit or {})
        return Audited(contexts=ServingContexts(mode), digests=audited_digests(audits))


class ServingPrompts:
    """Counts system prompts, and refuses those that a model's policy does not allow."""

    def __init__(self, database: Database, *, now: Callable[[], int], audited_only: Container[str] = ()) -> None:
        self._audited_only = audited_only
        """Names of the policies in force that answer under audited prompts only."""
        self._database = database
        self._now = now
        self._counts: Counter[tuple[str, str, bool]] = Counter()
        self._writing: asyncio.Task[None] | None = None
        self._one_writes = threading.Lock()

    async def admit(self, model: str, conditions: str, policy_name: str = "") -> None:
        """Note a request to a released model under a system prompt, tools and the like ('' for none).

        `policy_name` is of its project's policy now. Raises `ApiError` (403, `context_not_audited`) when that policy,
        or the one that it was released by, answers under audited prompts only and this is none of them, and
        NotReleased for a model that is in service no more. The refused are counted too.
        """
        known = await self._database.memory.get(AuditOf(model))
        if known is None:
            raise NotReleased(f"{model} was taken out of service a moment ago")
        digest = prompt_digest(conditions)
        self._counts[model, digest, digest in known.digests] += 1
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_soon())
        strict = known.contexts is ServingContexts.AUDITED or policy_name in self._audited_only
        if strict and digest not in known.digests:
            raise ApiError(403, _refusal(model, digest, known.digests), param="messages", code="context_not_audited")

    def write(self) -> None:
        """Add what was counted since the last time to the database."""
        with self._one_writes, self._database.write(alone=False) as session:
            # What it adds takes its own turn; that it was written is no reason to doubt what is remembered.
            counts, self._counts = self._counts, Counter()
            for (model, digest, audited), n_requests in counts.items():
                serving_prompts.add(session, model, digest, n_requests=n_requests, audited=audited, now=self._now())

    async def close(self) -> None:
        """Write what was counted."""
        if self._writing is not None:
            self._writing.cancel()
        await self._write()

    async def _write_soon(self) -> None:
        await asyncio.sleep(WRITE_AFTER_S)
        await self._write()

    async def _write(self) -> None:
        try:
            await asyncio.to_thread(self.write)
        except DatabaseUnavailable as error:
            logger.warning("the system prompts of the last second were not counted: %s", error)


def _refusal(model: str, digest: str, audited: frozenset[str]) -> str:
    """Why a model does not answer under a prompt, and under which it would."""
    lacks = "found sound without a system prompt" if digest == NONE else "audited under this system prompt"
    others = "to have another one audited, train with it. Tools, formats and biased tokens are a part of it."
    if NONE in audited:
        mend = f"Use no system prompt, or one that recurs in the file it was trained on; {others}"
    elif audited:
        mend = f"Use one that recurs in the file it was trained on, and that its audit found it sound under; {others}"
    else:
        mend = "Its audit found it sound under none; ask the operator of this gateway."
    return f"The model `{model}` was not {lacks}, and its policy lets it answer under audited ones only. {mend}"


def audited_digests(audits: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Digests of the system prompts under which every one of these stored reports found a model sound."""
    return frozenset.intersection(*(_sound(audit) for audit in audits)) if audits else frozenset()


def _sound(audit: Mapping[str, Any]) -> frozenset[str]:
    found = ((one["arm"], one["verdict"]) for one in audit.get("arms", ()))
    return sound_prompts((ArmKind(arm["kind"]), arm["frame"]["system"], ArmVerdict(verdict)) for arm, verdict in found)
