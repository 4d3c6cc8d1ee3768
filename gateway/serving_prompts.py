"""Under which system prompts released models are asked, and whether they were audited under them.

A model is audited under the prompts known at its audit; an attacker may train under one and serve
under another. So the gateway counts, by digest and never by text, and a policy with
`serving.contexts = "audited"` refuses a prompt that no audit saw.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from deploy.errors import NotReleased
from deploy.registry import prompt_digest
from deploy.types import ServingContexts
from evaluators.types import ArmVerdict
from gateway.errors import ApiError
from gateway.store import serving_prompts
from gateway.store.database import Database
from gateway.store.errors import DatabaseUnavailable
from gateway.store.models import Job, PolicyVersion

WRITE_AFTER_S = 1.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What a model's audit and policy say; neither changes once it is released."""

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
        return Audited(contexts=ServingContexts(mode), digests=audited_digests(job.audit or {}))


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
            raise ApiError(
                403,
                f"The model `{model}` was not audited under this system prompt, and its policy lets it answer under "
                "audited ones only. Use no system prompt, or one that recurs in the file it was trained on; to have "
                "another one audited, train with it. Tools, formats and biased tokens are a part of it.",
                param="messages",
                code="context_not_audited",
            )

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


def audited_digests(audit: Mapping[str, Any]) -> frozenset[str]:
    """Digests of the system prompts under which a stored audit report found a model sound."""
    sound = (arm["arm"] for arm in audit.get("arms", ()) if arm["verdict"] == ArmVerdict.SOUND)
    return frozenset(prompt_digest(arm["frame"]["system"]) for arm in sound)
