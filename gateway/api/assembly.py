"""An upload's parts joined to a file."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.api.checking import Check
from gateway.api.first_line import FirstLine
from gateway.api.purposes import LINES, TRAINING
from gateway.api.services import Services
from gateway.errors import ApiError
from gateway.store import files, uploads
from gateway.store.blobs import BlobInfo, read_chunks
from gateway.store.errors import UploadIsOver
from gateway.store.ids import IdKind
from gateway.store.models import File
from gateway.store.wire_models import Upload, UploadPart
from moderation.errors import TunegateError


def assemble(services: Services, upload: Upload, part_ids: Sequence[str], md5: str | None) -> tuple[Upload, File]:
    """The completed upload and its file, with the parts in this order.

    Raises a 400 when the parts are not what was announced, and `UploadIsOver` when another request
    ended the upload first. Whatever is raised, no file is left behind.
    """
    with services.database.read() as session:
        known = {part.id: part for part in uploads.parts_of(session, upload)}
    chosen = _chosen(upload, part_ids, known)
    file_id = services.ids.new(IdKind.FILE)
    key = files.blob_key(upload.project_id, file_id)
    check = services.checks.begin()
    try:
        blob = _join(services, upload, chosen, key, md5, check)
        checked = check.result(blob)
    finally:
        check.stop()
    try:
        ended, file, unneeded = _register(services, upload, file_id, blob, checked)
    except TunegateError:
        services.blobs.delete(key)
        raise
    for part_key in unneeded:
        services.blobs.delete(part_key)
    return ended, file


def _chosen(upload: Upload, part_ids: Sequence[str], known: Mapping[str, UploadPart]) -> list[UploadPart]:
    unknown = [part_id for part_id in part_ids if part_id not in known]
    if unknown:
        message = f"Upload {upload.id} has no part '{unknown[0][:64]}'; pass the ids that its parts came back with."
        raise ApiError(400, message, param="part_ids")
    if len(set(part_ids)) < len(part_ids):
        raise ApiError(400, "'part_ids' names a part twice.", param="part_ids")
    chosen = [known[part_id] for part_id in part_ids]
    n_bytes = sum(part.bytes for part in chosen)
    if n_bytes != upload.bytes:
        message = f"The parts have {n_bytes} bytes together; the upload was announced with {upload.bytes}."
        raise ApiError(400, message, param="part_ids")
    return chosen


def _join(
    services: Services, upload: Upload, parts: Sequence[UploadPart], key: str, md5: str | None, check: Check
) -> BlobInfo:
    """Store the file's bytes once they are found to be what was announced."""
    # MD5 is the contract's check against damage on the way, not a protection against forgery.
    digest = hashlib.md5(usedforsecurity=False)
    first_line = FirstLine()

    def pieces() -> Iterator[bytes]:
        for part in parts:
            with services.blobs.open(part.blob_key) as stream:
                for piece in read_chunks(stream):
                    digest.update(piece)
                    first_line.observe(piece)
                    if upload.purpose == TRAINING:
                        check.feed(piece)
                    yield piece
        if md5 is not None and digest.hexdigest() != md5.lower():
            message = f"The MD5 of the upload is {digest.hexdigest()}, not '{md5}'; send the parts again."
            raise ApiError(400, message, param="md5")
        if upload.purpose in LINES:
            first_line.check()

    try:
        return services.blobs.put(key, pieces())
    except FileNotFoundError as exc:  # the parts went while they were read: another request ended the upload
        raise UploadIsOver(upload.id, "ended by another request") from exc


def _register(
    services: Services, upload: Upload, file_id: str, blob: BlobInfo, checked: dict[str, Any] | None
) -> tuple[Upload, File, list[str]]:
    now = services.now()
    with services.database.write() as session:
        row = uploads.pending(session, upload.project_id, upload.id, now=now)
        file = files.insert(
            session,
            id=file_id,
            project_id=row.project_id,
            filename=row.filename,
            purpose=row.purpose,
            blob=blob,
            now=now,
            expires_at=None if row.file_lifetime_s is None else now + row.file_lifetime_s,
        )
        file.checked = checked
        row.state, row.file_id = "completed", file_id
        return row, file, uploads.forget_parts(session, row)
