"""What has had its time: files, uploads never completed, withheld models, what is left at a provider, dead sockets."""

import logging
import shutil
import socket
import tempfile
from pathlib import Path

from gateway.pipeline import leftovers
from gateway.pipeline.workshop import Workshop
from gateway.store import files, uploads, withheld
from gateway.store.blobs import Blobs
from gateway.store.database import Database

ABANDONED_S = 600.0
SOCKETS = frozenset({"engine.sock", "scoring.sock"})

logger = logging.getLogger(__name__)


def sweep_all(shop: Workshop) -> None:
    """Delete whatever has had its time, here and at a provider."""
    leftovers.note_expired(shop)
    sweep(shop.database, shop.blobs, now=shop.now())
    sweep_sockets(Path(tempfile.gettempdir()), now=shop.now())
    leftovers.clear(shop)


def sweep(database: Database, blobs: Blobs, *, now: int) -> None:
    """Delete what expired before `now` (unix seconds). A blob that a job still reads stays until its end."""
    with database.write() as session:
        keys = files.expire(session, now=now) + uploads.expire(session, now=now)
        trees = withheld.expire(session, now=now)
    for key in keys:
        blobs.delete(key)
    for tree in trees:
        blobs.delete_tree(tree)
    if keys:
        logger.info("deleted %d blobs of expired files and uploads", len(keys))
    if trees:
        logger.info("deleted %d withheld models", len(trees))


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
