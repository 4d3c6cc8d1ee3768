"""Bytes that nothing refers to: what a process that was killed between blob and row, or row and blob, left behind."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from gateway.store import files
from gateway.store.models import TERMINAL, File, Job, Model
from gateway.store.records import Withheld
from gateway.store.wire_models import UploadPart


def orphans(session: Session, keys: Sequence[str]) -> list[str]:
    """Which of these blob keys nothing refers to any more. One of a kind that is not known here is never among them."""
    folders: dict[str, list[str]] = defaultdict(list)
    for key in keys:
        parts = key.split("/")
        if parts[0] == "projects" and len(parts) >= 4:
            folders[parts[2]].append(key)
    needed = {
        *_files(session, folders["files"]),
        *session.scalars(select(UploadPart.blob_key).where(UploadPart.blob_key.in_(folders["uploads"]))),
        *_artefacts(session, folders["held"] + folders["models"]),
    }
    ours = [key for folder in ("files", "uploads", "held", "models") for key in folders[folder]]
    return [key for key in ours if key not in needed]


def _files(session: Session, keys: Sequence[str]) -> set[str]:
    known = set(session.scalars(select(File.blob_key).where(File.blob_key.in_(keys))))
    return known - set(files.unneeded(session, keys))


def _artefacts(session: Session, keys: Sequence[str]) -> list[str]:
    """The keys that belong to a job that goes on, a model in service or in the hold, or a verdict to contest."""
    tree = {key: "/".join(key.split("/")[:4]) for key in keys}
    job = {key: "-".join(key.split("/")[3].split("-")[:2]) for key in keys}
    going_on = set(session.scalars(select(Job.id).where(Job.id.in_(set(job.values())), Job.state.not_in(TERMINAL))))
    kept = {
        *session.scalars(select(Withheld.artefact_key)),
        *session.scalars(
            select(Model.artefact_key).where(Model.artefact_key.in_(set(tree.values())), Model.revoked_at.is_(None))
        ),
    }
    return [key for key in keys if job[key] in going_on or tree[key] in kept]
