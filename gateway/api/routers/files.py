"""`/v1/files`."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from gateway.api.auth import Here, Who
from gateway.api.bodies import drain
from gateway.api.checking import Check
from gateway.api.first_line import FirstLine
from gateway.api.limits import count_upload
from gateway.api.observing import note
from gateway.api.purposes import LINES, TRAINING, checked_purpose, label, lifetime_s
from gateway.api.replays import sending
from gateway.api.services import Services
from gateway.api.translate import file_object, listed
from gateway.api.uploads import Form, receive_form
from gateway.api.wire import json_response
from gateway.errors import ApiError
from gateway.store import files
from gateway.store.blobs import BlobInfo, BlobWriter
from gateway.store.errors import BlobTooLarge, LimitReached, NotFound
from gateway.store.ids import IdKind
from gateway.store.keys import Caller
from gateway.store.models import File
from gateway.store.sendings import Sending, mark

router = APIRouter()
RESULTS = "fine-tune-results"
READ_BYTES = 3 << 18
"""A multiple of three, so that base64 can be made piece by piece."""


class _BlobSink:
    """Writes a file's bytes in another thread, remembers its first line, and has the lines checked."""

    def __init__(self, writer: BlobWriter, check: Check, form: Form) -> None:
        self._writer = writer
        self._check = check
        self._form = form
        self.first_line = FirstLine()

    async def write(self, data: bytes) -> None:
        self.first_line.observe(data)
        await run_in_threadpool(self._take, data)

    def _take(self, data: bytes) -> None:
        self._writer.write(data)
        if self._form.fields.get("purpose", TRAINING) == TRAINING:
            self._check.feed(data)


@router.post("/v1/files")
async def create(request: Request, services: Here, caller: Who) -> Response:
    """Store an upload. Its content is judged when a job uses it, but for its first line."""
    arrived = services.now()
    file_id = services.ids.new(IdKind.FILE)
    key = files.blob_key(caller.project_id, file_id)
    max_bytes = services.settings.max_file_bytes
    writer = await run_in_threadpool(services.blobs.writer, key, max_bytes=max_bytes)
    check = services.checks.begin(writer.unfinished)
    arriving = Form()
    sink = _BlobSink(writer, check, arriving)
    try:
        form = await receive_form(request, sink, form=arriving)
        purpose = _purpose(form)
        expires_after_s = lifetime_s(purpose, _lifetime(form))
        if purpose in LINES:
            sink.first_line.check()
        blob = await run_in_threadpool(writer.commit)
        checked = await run_in_threadpool(check.result, blob) if purpose == TRAINING else None
    except (ApiError, BlobTooLarge):
        await run_in_threadpool(writer.abort)
        await drain(request)
        raise
    except BaseException:
        writer.abort()
        raise
    finally:
        check.stop()
    filename = label(form.filename or "")
    asked = {"file": blob.sha256, "filename": filename, "purpose": purpose, "expires_after": expires_after_s}
    upload = _Upload(
        file_id=file_id,
        filename=filename,
        purpose=purpose,
        lifetime_s=expires_after_s,
        checked=checked,
        sending=sending(request, caller, asked, arrived=arrived),
    )
    try:
        file = await run_in_threadpool(_register, services, caller, upload, blob)
    except LimitReached:
        await run_in_threadpool(services.blobs.delete, key)
        raise
    if file.id == file_id:
        note(request, file_id=file_id, object_id=file_id)
    else:  # another attempt made it, and told of it
        await run_in_threadpool(services.blobs.discard, key)
    return json_response(file_object(file))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """An upload whose form was found right."""

    file_id: str
    filename: str
    purpose: str
    lifetime_s: int | None
    checked: dict[str, Any] | None
    sending: Sending


def _register(services: Services, caller: Caller, upload: _Upload, blob: BlobInfo) -> File:
    """Write the file's row, or find the one that another attempt at the same request wrote."""
    now = services.now()
    with services.database.write() as session:
        earlier = files.replayed(session, caller.project_id, upload.sending, now=now)
        if earlier is not None:
            return earlier
        count_upload(session, services, caller, blob.bytes)
        file = files.insert(
            session,
            id=upload.file_id,
            project_id=caller.project_id,
            filename=upload.filename,
            purpose=upload.purpose,
            blob=blob,
            now=now,
            expires_at=None if upload.lifetime_s is None else now + upload.lifetime_s,
        )
        file.checked = upload.checked
        mark(file, upload.sending)
        return file


@router.get("/v1/files")
def list_files(
    services: Here,
    caller: Who,
    purpose: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 10_000,
    order: Literal["asc", "desc"] = "desc",
    after: str | None = None,
) -> Response:
    """The project's files, newest first."""
    with services.database.read() as session:
        page = files.newest(
            session,
            caller.project_id,
            now=services.now(),
            purpose=purpose,
            after=after,
            limit=limit,
            descending=order == "desc",
        )
    return json_response(listed(page, file_object, ends=True))


@router.get("/v1/files/{file_id}")
def retrieve(file_id: str, services: Here, caller: Who) -> Response:
    """One file."""
    with services.database.read() as session:
        file = files.get(session, caller.project_id, file_id, now=services.now())
    return json_response(file_object(file))


@router.delete("/v1/files/{file_id}")
def delete(file_id: str, services: Here, caller: Who) -> Response:
    """Delete a file. Jobs keep its id, and one that still runs its bytes."""
    with services.database.write() as session:
        key = files.delete(session, caller.project_id, file_id, now=services.now())
    if key is not None:
        services.blobs.discard(key)
    return json_response({"id": file_id, "object": "file", "deleted": True})


@router.get("/v1/files/{file_id}/content")
def content(file_id: str, services: Here, caller: Who) -> Response:
    """The customer's own bytes; a result file as base64 of its CSV, as OpenAI serves it."""
    with services.database.read() as session:
        file = files.get(session, caller.project_id, file_id, now=services.now())
    try:
        stream = services.blobs.open(file.blob_key)
    except FileNotFoundError as exc:
        raise NotFound("file", file_id) from exc
    encoded = file.purpose == RESULTS and services.settings.result_files_base64
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(file.filename)}"}
    return StreamingResponse(_pieces(stream, encoded), media_type="application/octet-stream", headers=headers)


def _pieces(stream: IO[bytes], encoded: bool) -> Iterator[bytes]:
    with stream:
        while piece := stream.read(READ_BYTES):
            yield base64.b64encode(piece) if encoded else piece


def _purpose(form: Form) -> str:
    if form.filename is None:
        raise ApiError(400, "Missing required parameter: 'file'.", param="file")
    purpose = form.fields.get("purpose")
    if purpose is None:
        raise ApiError(400, "Missing required parameter: 'purpose'.", param="purpose")
    return checked_purpose(purpose)


def _lifetime(form: Form) -> int | None:
    """Seconds that the file is to live for, if the form says so. Raises a 400."""
    anchor = form.fields.get("expires_after[anchor]")
    seconds = form.fields.get("expires_after[seconds]")
    known = ("expires_after[anchor]", "expires_after[seconds]")
    for name in form.fields:
        if name.startswith("expires_after") and name not in known:
            raise ApiError(400, f"Unknown parameter: '{name[:64]}'; expected {' and '.join(known)}.", param=name[:64])
    if anchor is None and seconds is None:
        return None
    if anchor != "created_at":
        raise ApiError(400, "'expires_after[anchor]' must be 'created_at'.", param="expires_after[anchor]")
    if seconds is None or not re.fullmatch(r"\d{1,9}", seconds) or not 3_600 <= int(seconds) <= 2_592_000:
        message = "'expires_after[seconds]' must be an integer from 3600 to 2592000."
        raise ApiError(400, message, param="expires_after[seconds]")
    return int(seconds)
