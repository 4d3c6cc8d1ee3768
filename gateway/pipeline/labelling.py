"""What people labelled while a model waited for its review."""

import logging

from evaluators.errors import AuditIncomplete
from evaluators.judging.second_look import PERSON, People
from evaluators.relooking import look_anew
from evaluators.replies import DirectoryReplies
from evaluators.report.documents import report_from_json, report_to_json
from gateway.pipeline.prompts import asked_of
from gateway.pipeline.workshop import Workshop
from gateway.store.models import Job

logger = logging.getLogger(__name__)


def read_labels(shop: Workshop, job: Job) -> Job:
    """The job, its audit stored again with the second look that the labels of people give now.

    What is signed later is the digest of the report as it is stored then. Nothing changes under a policy whose second
    judge is no person, or where labels or replies cannot be read.
    """
    policy, report = shop.policy(job).audit, report_from_json(job.audit or {})
    if policy.second_judge != PERSON:
        return job
    try:
        people = People.read(shop.labels)
    except AuditIncomplete as error:
        logger.warning("job %s: the second look stays as it was: %s", job.id, error)
        return job
    replies = DirectoryReplies(shop.replies)
    anew = look_anew(report, people, corpus=asked_of(shop, job), replies=replies, policy=policy)
    if anew == report:
        return job
    shop.remember(job.id, audit=report_to_json(anew))
    return shop.job(job.id)
