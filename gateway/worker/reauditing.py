"""Audits released models again when what they were judged by has changed, and revokes what fails or is overdue."""

import logging
from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from deploy.decision import decide
from deploy.types import Outcome, ReauditPolicy, ReleasePolicy, Unaudited
from evaluators.audit import Progress
from evaluators.errors import AuditIncomplete
from evaluators.report.documents import report_to_json
from evaluators.types import AuditReport
from gateway.errors import PolicyError
from gateway.pipeline import parentage
from gateway.pipeline.auditing import Examination, examine
from gateway.pipeline.prompts import asked_again_of
from gateway.pipeline.workshop import Workshop
from gateway.policy import Policy, parse
from gateway.reaudits import InForce, judged_by, reasons, verdict_digest
from gateway.store import jobs, policies, reaudits, released, tenants
from gateway.store.decisions import POLICY
from gateway.store.models import Job, Model, PolicyVersion
from gateway.store.reaudits import LEASE_S, ReauditOutcome
from gateway.store.records import Reaudit
from moderation.errors import TunegateError
from trainers import artefacts

DAY_S = 24 * 3600
LATER_S = 60
"""Before what could not be audited is tried again."""

logger = logging.getLogger(__name__)


class _Gone(Exception):
    """The model was revoked or held while it was audited again."""


class Reauditor:
    """One worker's share of the re-audits; several workers take turns by leases."""

    def __init__(self, shop: Workshop) -> None:
        self._shop = shop
        self._verdicts: dict[str, str] = {}

    def look(self) -> None:
        """Ask for the re-audits that what is in force now wants, and end those whose deadline has passed."""
        with self._shop.database.read() as session:
            named = {project.id: project.policy_name for project in tenants.projects(session)}
            bound = {id: self._shop.book[name] for id, name in named.items() if name in self._shop.book}
            in_force = self._in_force(bound)
            asked = {row.model_name for row in reaudits.waiting(session)}
            concerned = []
            models = released.every(session)
            for model in models:
                by = judged_by(session, model, jobs.find(session, model.job_id), self._verdicts)
                why = reasons(model, by, in_force)
                if why or model.name in asked:
                    concerned.append((model, why))
            gone = asked - {model.name for model in models}
        for name in gone:
            with self._shop.database.write() as session:
                reaudits.supersede(session, name, now=self._shop.now())
        for model, why in concerned:
            self._ask(model, why, bound.get(model.project_id), in_force)
        self._end_overdue(self._shop.now())

    def _ask(self, model: Model, why: Sequence[str], policy: Policy | None, in_force: InForce) -> None:
        within_days = (ReauditPolicy() if policy is None else policy.reaudit).within_days
        now = self._shop.now()
        with self._shop.database.write() as session:
            if not why or not within_days:
                reaudits.supersede(session, model.name, now=now)
                return
            if policy is not None:
                policies.pin(session, digest=policy.digest, name=policy.name, document=policy.document, now=now)
            reaudits.open_one(
                session,
                model,
                change=in_force.digest_for(model),
                reasons=why,
                policy_digest=None if policy is None else policy.digest,
                now=now,
                due_at=now + int(within_days * DAY_S),
            )

    def audit_next(self) -> bool:
        """Audit one model again; says whether there was one to audit."""
        with self._shop.database.write() as session:
            row = reaudits.claim(session, now=self._shop.now())
            if row is None:
                return False
            model = released.known(session, row.model_name)
            job = jobs.find(session, model.job_id)
            version = session.get_one(PolicyVersion, row.policy_digest)
        try:
            policy = parse(version.name, version.document)
            report = self._audited(row, model, job, policy)
        except _Gone:
            with self._shop.database.write() as session:
                reaudits.supersede(session, model.name, now=self._shop.now())
        except (TunegateError, OSError, ValueError) as error:  # the worker goes on; the deadline stands
            self._put_off(row, str(error) or type(error).__name__)
        else:
            self._settle(row, model, report, policy)
        return True

    def _in_force(self, bound: Mapping[str, Policy]) -> InForce:
        shop = self._shop
        spoken = {name: base.corpus for name, base in shop.bases.items()}
        return InForce(
            policies={id: verdict_digest(policy) for id, policy in bound.items()},
            bases={name: base.digest for name, base in shop.bases.items()},
            judges={name: shop.judges[corpus].identity for name, corpus in spoken.items()},
            corpora={name: shop.corpora[corpus].digest for name, corpus in spoken.items()},
        )

    def _audited(self, row: Reaudit, model: Model, job: Job, policy: Policy) -> AuditReport:
        shop = self._shop
        base = shop.bases.get(model.base_name)
        if base is None or base.digest != model.base_digest:
            raise AuditIncomplete(f"the base model {model.base_name} that it was tuned on is not there any more")
        candidate = artefacts.load(shop.blobs.local_tree(model.artefact_key), model.digest)
        what = Examination(
            corpus=asked_again_of(shop, job, model.digest),
            screening=parentage.screening(shop, job),
            policy=policy,
            policy_digest=policy.digest,
            attempt=job.attempt,  # nothing is released by it, so it spends nothing
            job_id=job.id,
        )
        renewed = shop.now()

        def on_progress(_progress: Progress) -> None:
            nonlocal renewed
            if shop.now() - renewed < LEASE_S / 10:
                return
            renewed = shop.now()
            with shop.database.write() as session:
                if released.in_service(session, model.name) is None:
                    raise _Gone
                session.get_one(Reaudit, row.id).next_attempt_at = renewed + LEASE_S

        try:
            return examine(shop, candidate, what, on_progress)
        finally:
            shop.engines.let_go(candidate)

    def _settle(self, row: Reaudit, model: Model, report: AuditReport, policy: Policy) -> None:
        decision = decide(report, policy.release)
        unsafe = decide(report, ReleasePolicy()).outcome is Outcome.WITHHOLD
        outcome = {
            Outcome.RELEASE: ReauditOutcome.PASSED,
            Outcome.REVIEW: ReauditOutcome.REVIEW,
            # Of a forced release that is no news: a person decided on it, and has to again.
            Outcome.WITHHOLD: ReauditOutcome.REVIEW if model.attestation.get("forced") else ReauditOutcome.FAILED,
        }[decision.outcome]
        why, now = "; ".join(decision.reasons), self._shop.now()
        logger.info("re-audit of %s: %s", model.digest, outcome.value)
        with self._shop.database.write() as session:
            session.get_one(Reaudit, row.id).audit = report_to_json(report)
            forced = unsafe and outcome != ReauditOutcome.FAILED
            row = reaudits.settle(session, row.id, outcome, detail=why, actor=POLICY, now=now, against_rule=forced)
            if row.outcome == ReauditOutcome.FAILED:  # and was not superseded while it was audited
                reaudits.revoke(session, row, why=f"it failed its re-audit: {why}", actor=POLICY, now=now)

    def _put_off(self, row: Reaudit, why: str) -> None:
        logger.warning("the re-audit of a model waits: %s", why)
        with self._shop.database.write() as session:
            known = session.get_one(Reaudit, row.id)
            known.detail, known.next_attempt_at = why, self._shop.now() + LATER_S

    def _end_overdue(self, now: int) -> None:
        with self._shop.database.write() as session:
            for row in reaudits.waiting(session):
                if row.due_at > now:
                    continue
                found = f" (asked for a person: {row.detail})" if row.outcome else f" ({row.detail or 'no worker did'})"
                why = f"it was not found sound by the deadline{found}"
                reaudits.settle(session, row.id, ReauditOutcome.OVERDUE, detail=why, actor=POLICY, now=now)
                if _unaudited(session, row) is Unaudited.REVOKE:
                    reaudits.revoke(session, row, why=why, actor=POLICY, now=now)


def _unaudited(session: Session, row: Reaudit) -> Unaudited:
    """What becomes of a model that was not found sound in time; revoked, where no policy can say otherwise."""
    if row.policy_digest is None:
        return Unaudited.REVOKE
    version = session.get_one(PolicyVersion, row.policy_digest)
    try:
        return parse(version.name, version.document).reaudit.unaudited
    except PolicyError:
        return Unaudited.REVOKE
