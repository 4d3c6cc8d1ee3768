"""What has had its time: expired files, uploads never completed and withheld models give up their bytes."""

import logging

from gateway.store import files, uploads, withheld
from gateway.store.blobs import Blobs
from gateway.store.database import Database

logger = logging.getLogger(__name__)


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
