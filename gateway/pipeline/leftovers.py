"""What jobs leave elsewhere: noted while we still know of it, and deleted there until nothing is left.

A note is a blob, so that neither a crash nor a provider or cluster that is down forgets it. Nothing is noted for
jobs whose base model is trained on this machine.
"""

import logging
from collections.abc import Iterable

import orjson

from gateway.pipeline.training import released_key
from gateway.pipeline.workshop import UPSTREAM, Workshop
from gateway.store import jobs, released, withheld
from gateway.store.errors import NotFound
from gateway.store.models import Job
from trainers.errors import NotNow, TrainingFailed
from trainers.hosted import POINTER, Elsewhere, Leftovers, Pointer, address, address_of
from trainers.types import BaseModel

NOTES = "leftovers"

logger = logging.getLogger(__name__)


def stop(shop: Workshop, job: Job) -> None:
    """Stop what still runs of a job that is over, as one whose training could not be watched leaves it."""
    home = shop.scratch / job.id
    for run_dir in (*home.glob("run"), *home.glob("*/run")):
        if _base(shop, job) is not None:
            shop.backend(job).cancel(str(run_dir))


def note_job(shop: Workshop, job: Job, *, dropped: Iterable[str], kept: Iterable[str]) -> None:
    """Note what a job that is over has elsewhere; `dropped` and `kept` are blob keys of held candidates.

    On a cluster, whose candidates are here by now, all of it goes; at a provider, what the policy says.
    """
    base, policy = _base(shop, job), shop.policy(job).forwarding
    if base is None:
        logger.error("job %s: its base model is not listed any more; what it left elsewhere stays there", job.id)
        return
    if address(base) is None:
        if isinstance(shop.backends.get(shop.trains_on), Elsewhere):
            _write(shop, job.id, Leftovers(source=base.source, job_id=job.id, files=True, models=True))
        return
    if not (policy.delete_files or policy.delete_rejected):
        return
    rejected = _pointers(shop, dropped)
    staying = _pointers(shop, (released_key(job), *kept))
    if not rejected and not staying and not (shop.scratch / job.id / "run").exists():
        return  # it ended before anything was sent
    gone = tuple(one for one in rejected if one not in staying) if policy.delete_rejected else ()
    left = Leftovers(
        source=base.source,
        job_id=job.id,
        files=policy.delete_files,
        models=policy.delete_rejected,
        rejected=gone,
        kept=staying,
    )
    _write(shop, job.id, left)


def note_expired(shop: Workshop) -> None:
    """Note withheld models whose verdict stands for good; to be called before `withheld.expire`."""
    with shop.database.read() as session:
        rows = [row for row in withheld.over(session, now=shop.now()) if not released.is_released(session, row.digest)]
        found = [(jobs.find(session, row.job_id), row.artefact_key) for row in rows]
    for job, key in found:
        pointers = _pointers(shop, [key])
        base = _base(shop, job) if pointers else None
        if base is not None and shop.policy(job).forwarding.delete_rejected:
            _write(shop, f"{job.id}-withheld", Leftovers(source=base.source, job_id=job.id, rejected=pointers))


def clear(shop: Workshop) -> None:
    """Delete elsewhere what was noted. What will not be deleted is logged and left; what fails is tried again."""
    for key in shop.blobs.keys(NOTES):
        try:
            with shop.blobs.open(key) as note:
                left = Leftovers.from_json(note.read())
            backend = shop.backends.get(shop.trains_on if address_of(left.source) is None else UPSTREAM)
            if not isinstance(backend, Elsewhere):
                continue  # until one is configured again
            refused = backend.clear(left)
        except FileNotFoundError:  # another worker was faster
            continue
        except (NotNow, TrainingFailed) as exc:
            why = exc.code if isinstance(exc, TrainingFailed) else exc  # its words may name what is theirs
            logger.warning("%s stays where it is for now: %s", key, why)
            continue
        shop.blobs.delete(key)
        if refused:
            logger.error("job %s: the provider does not delete %d of what the job left there", left.job_id, refused)
        else:
            logger.info("job %s: nothing is left elsewhere", left.job_id)


def _base(shop: Workshop, job: Job) -> BaseModel | None:
    """The root base of a job, None for one that is not on the list any more: nobody knows where it lay."""
    try:
        return shop.base(job)
    except (KeyError, NotFound):
        return None


def _write(shop: Workshop, name: str, left: Leftovers) -> None:
    shop.blobs.put(f"{NOTES}/{name}.json", [left.to_json()])


def _pointers(shop: Workshop, trees: Iterable[str]) -> tuple[Pointer, ...]:
    """The pointers among trees of blobs; other candidates, and trees that are gone, have none."""
    found = []
    for tree in trees:
        try:
            with shop.blobs.open(f"{tree}/{POINTER}") as file:
                found.append(Pointer(**orjson.loads(file.read())))
        except FileNotFoundError:
            continue
    return tuple(found)
