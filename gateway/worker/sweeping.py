"""What has had its time: files, uploads never completed, withheld models, what is left at a provider, dead sockets."""

import logging
import shutil
import socket
import tempfile
from itertools import islice
from pathlib import Path

from evaluators.replies import DirectoryReplies
from gateway.pipeline import leftovers
from gateway.pipeline.workshop import Workshop
from gateway.store import erasing, exports, files, forgetting, orphans, uploads, withheld
from gateway.store.blobs import PART, Blobs
from gateway.store.database import Database
from gateway.store.models import Job

ABANDONED_S = 600.0
ERASED_S = 3_600
"""So long after its erasure a project's blobs are deleted again and again."""
ORPHAN_S = 6 * 3600.0
"""Age of a blob whose row should be there by now."""
COPY_S = 24 * 3600.0
N_AT_ONCE = 500
SOCKETS = frozenset({"engine.sock", "scoring.sock"})

logger = logging.getLogger(__name__)


def sweep_all(shop: Workshop) -> None:
    """Delete whatever has had its time, here and at a provider."""
    leftovers.note_expired(shop)
    sweep(shop.database, shop.blobs, now=shop.now())
    sweep_scratch(shop.database, shop.scratch, now=shop.now())
    sweep_sockets(Path(tempfile.gettempdir()), now=shop.now())
    leftovers.clear(shop)


def sweep(database: Database, blobs: Blobs, *, now: int) -> None:
    """Delete what expired before `now` (unix seconds). A blob that a job still reads stays until its end."""
    with database.write() as session:
        keys = files.expire(session, now=now) + uploads.expire(session, now=now)
        keys += exports.expire(session, now=now)
        # What a step that was going on wrote after its project was erased, and copies that were kept here.
        erased = erasing.erased_since(session, now - ERASED_S)
        trees = [*withheld.expire(session, now=now), *map(erasing.blob_prefix, erased)]
    for key in keys:
        blobs.discard(key)
    for tree in trees:
        blobs.discard_tree(tree)
    if keys:
        logger.info("deleted %d blobs of expired files and uploads", len(keys))
    if trees:
        logger.info("deleted %d trees of withheld models and erased projects", len(trees))


def sweep_scratch(database: Database, scratch: Path, *, now: float) -> None:
    """Delete directories of jobs that are gone with their project, as an erasure leaves them on other machines."""
    old = [path for path in scratch.glob("ftjob-*") if path.stat().st_mtime < now - ABANDONED_S]
    with database.read() as session:
        lost = [path for path in old if session.get(Job, path.name) is None]
    for path in lost:
        shutil.rmtree(path, ignore_errors=True)


def sweep_orphans(database: Database, blobs: Blobs, *, older_than_s: float = ORPHAN_S) -> int:
    """Delete old blobs that nothing refers to, and local copies that nobody uses; returns how many blobs went."""
    blobs.sweep_copies(unused_s=COPY_S)
    n_gone = 0
    old = (key for key, age_s in blobs.contents() if age_s > older_than_s)
    while keys := list(islice(old, N_AT_ONCE)):
        unfinished = [key for key in keys if PART in key]
        with database.read() as session:
            gone = orphans.orphans(session, [key for key in keys if PART not in key]) + unfinished
        for key in gone:
            blobs.discard(key)
        n_gone += len(gone)
    if n_gone:
        logger.info("deleted %d blobs that nothing refers to", n_gone)
    return n_gone


def sweep_quotes(database: Database, replies: Path) -> None:
    """Take what was quoted of deleted files out of rows, and delete the replies that were kept for what is over."""
    with database.read() as session:
        due = forgetting.due(session, limit=N_AT_ONCE)
    for row in due:
        with database.write() as session:
            forgetting.forget(session, row)
    kept = DirectoryReplies(replies)
    owners, n_logs = iter(kept.owners()), 0
    while some := list(islice(owners, N_AT_ONCE)):
        with database.read() as session:
            gone = forgetting.forgotten(session, some)
        n_logs += sum(map(kept.forget, gone))
    if due or n_logs:
        logger.info("took what was quoted out of %d reports, and deleted %d logs of replies", len(due), n_logs)


def sweep_sockets(directory: Path, *, now: float) -> None:
    """Delete directories of sockets below `directory` that nobody listens on, as kill -9 of a worker leaves them.

    One that is younger than an engine takes to start (`now` in unix seconds) may still get its socket.
    """
    for path in directory.glob("tunegate-????????"):
        try:
            is_old = path.stat().st_mtime < now - ABANDONED_S
            names = {file.name for file in path.iterdir()}
        except OSError:  # somebody else's, or gone by now
            continue
        if is_old and names <= SOCKETS and not any(_is_listened_on(path / name) for name in names):
            shutil.rmtree(path, ignore_errors=True)


def _is_listened_on(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # it is there, and too busy to say so
            return True
    return True
