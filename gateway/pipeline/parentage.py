"""Jobs that go on from a released model: whether they may, from which files, and what its data taught it."""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.pipeline.workshop import Workshop
from gateway.store import released
from gateway.store.models import Job, Model
from trainers.errors import TrainingFailed
from trainers.hosted import address
from trainers.spec import goes_on_as
from trainers.types import ParentModel, Tuning

INHERITED = ("contexts", "candidate_triggers", "openings", "earlier", "findings")
"""Parts of a screening report that become arms of an audit."""


def refusal(shop: Workshop, job: Job) -> str | None:
    """Why what the job names cannot be tuned here now, with what to do; None where it can be."""
    if job.model in shop.bases:
        return None
    row = _in_service(shop, job)
    if row is None:
        names = ", ".join(sorted(shop.bases))
        return f"{job.model} is neither a base model of this gateway nor a released model of the project. Name {names}."
    base = shop.bases.get(row.base_name)
    if base is None or base.digest != row.base_digest:
        return f"{row.base_name}, of which {job.model} was tuned, is not the same any more. Tune a base model instead."
    tuning = shop.policy(job).training.tuning
    if address(base) is None and not goes_on_as(Tuning(row.tuning), tuning):
        return (
            f"{job.model} was tuned as '{row.tuning}', and the project's policy tunes as '{tuning}'. "
            f"Tune {row.base_name} instead, or ask the operator for another policy."
        )
    return None


def parent(shop: Workshop, job: Job) -> ParentModel | None:
    """The released model that the job goes on from, its files on this disk; None where it tunes a base.

    Raises `TrainingFailed` (`model_not_tunable`) for one that was released when the job was made, and is no more.
    """
    if job.model in shop.bases:
        return None
    row = _in_service(shop, job)
    if row is None:
        raise TrainingFailed("model_not_tunable", f"{job.model} is not released any more. Tune a base model instead.")
    return ParentModel(name=row.name, path=str(shop.blobs.local_tree(row.artefact_key)), digest=row.digest)


def screening(shop: Workshop, job: Job) -> Mapping[str, Any] | None:
    """The job's stored screening report, with what was found in the data of the models before it.

    What a parent's data taught is still in the weights, so the child is audited under its prompts as well.
    """
    if job.screening is None:
        return None
    merged = dict(job.screening)
    for before in _ancestors(shop, job):
        for part in INHERITED:
            known = merged.get(part, [])
            merged[part] = [*known, *(one for one in (before.screening or {}).get(part, []) if one not in known)]
    return merged


def _ancestors(shop: Workshop, job: Job) -> Iterator[Job]:
    """The jobs that made what the job goes on from, nearest first."""
    with shop.database.read() as session:
        while job.model not in shop.bases:
            job = session.get_one(Job, released.known(session, job.model).job_id)
            yield job


def _in_service(shop: Workshop, job: Job) -> Model | None:
    with shop.database.read() as session:
        return released.find(session, job.project_id, job.model)
