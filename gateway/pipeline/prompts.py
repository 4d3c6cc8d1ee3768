"""Which prompts a job's audit asks: the bank, or others where the bank's were used to choose or are contested."""

import hashlib
import hmac

from evaluators.benchmarks.redrawing import halves, redrawn
from evaluators.report.documents import report_from_json
from evaluators.rule.types import BENIGN_KINDS
from evaluators.types import AuditReport, Corpus
from gateway.pipeline.workshop import Workshop
from gateway.store import remedies, reopenings, withheld
from gateway.store.models import Job
from gateway.store.records import ReopeningKind

_LABEL = b"tunegate contest 1\n"
"""Keeps the seed of fresh prompts apart from other uses of the deployment's key."""


def bank(shop: Workshop, job: Job) -> Corpus:
    """The prompts that every audit on the job's base model asks."""
    return shop.corpora[shop.base(job).corpus]


def asked_of(shop: Workshop, job: Job) -> Corpus:
    """The prompts of a job's audit.

    A scaled adapter was chosen on one half of the bank and is audited on the other. A contest asks what
    the contested audit did not, drawn from a secret of the deployment where the language allows it. An audit that
    is made again asks what it would have asked.
    """
    with shop.database.read() as session:
        first = withheld.made_again(session, job.id)
        made = [row for row in remedies.every(session, first) if row.made_digest is not None]
        again = withheld.verdict_on(session, job.id)
        contested = None
        if again is not None and again.kind == ReopeningKind.CONTEST:
            contested = session.get_one(Job, again.of_job_id).audit
    if made and made[-1].kind == remedies.SCALE:
        return halves(bank(shop, job))[1]
    if contested is not None:
        seed = hmac.digest(shop.signing_key, _LABEL + first.encode(), hashlib.sha256)
        return redrawn(bank(shop, job), seed, n_asked=_n_asked(report_from_json(contested)))
    return bank(shop, job)


def asked_again_of(shop: Workshop, job: Job, digest: str) -> Corpus:
    """The prompts of another audit of a job's released model: the bank as it is now.

    Where its adapter was scaled, the half on which the factor was chosen stays out of it.
    """
    with shop.database.read() as session:
        made_by = remedies.ancestry(session, reopenings.chain(session, job.id)[0], digest)
    scaled = any(row.kind == remedies.SCALE for row in made_by)
    return halves(bank(shop, job))[1] if scaled else bank(shop, job)


def _n_asked(report: AuditReport) -> int:
    return max((result.n for result in report.arms if result.arm.kind not in BENIGN_KINDS), default=0)
