"""Screening a file without training on it, for `POST /v1/files/{id}/screening`."""

from gateway.pipeline.screening import history, open_dataset
from gateway.pipeline.workshop import Workshop
from gateway.policy import parse
from gateway.store import files, screenings
from gateway.store.models import PolicyVersion, Screening
from moderation.errors import ClassifierUnavailable, DatasetError
from moderation.screening import reports, run


def screen_next(shop: Workshop, worker_id: str) -> bool:
    """Answer the oldest request that waits; says whether there was one.

    An unreachable classifier leaves it waiting: a file is never reported clean unread.
    """
    with shop.database.write() as session:
        row = screenings.claim(session, worker_id)
        if row is None:
            return False
        version = session.get_one(PolicyVersion, row.policy_digest)
    policy = parse(version.name, version.document)
    try:
        report = run.screen(
            open_dataset(shop, row.blob_key),
            policy=policy.screening,
            policy_digest=policy.digest,
            classifiers=shop.readers(policy),
            detectors=[shop.plugins.detector(name) for name in policy.screening.detectors],
            history=history(shop, row.project_id),
        )
    except ClassifierUnavailable:
        _wait(shop, row.id)
        return False
    except DatasetError as error:
        _finish(shop, row.id, "failed", error={"code": error.code, "message": str(error), "param": "file"})
        return True
    _finish(shop, row.id, "completed", report=reports.report_to_json(report))
    return True


def _wait(shop: Workshop, screening_id: str) -> None:
    """Let the request be taken up again."""
    with shop.database.write() as session:
        row = session.get_one(Screening, screening_id)
        row.status, row.worker_id = "queued", None


def _finish(
    shop: Workshop,
    screening_id: str,
    status: str,
    *,
    report: dict[str, object] | None = None,
    error: dict[str, object] | None = None,
) -> None:
    with shop.database.write() as session:
        row = session.get_one(Screening, screening_id)
        row.status, row.report, row.error, row.finished_at = status, report, error, shop.now()
        session.flush()
        unneeded = files.unneeded(session, [row.blob_key])
    for key in unneeded:
        shop.blobs.discard(key)
