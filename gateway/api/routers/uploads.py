"""`/v1/uploads`: a large file in parts. It becomes a file like any other, screened when a job uses it."""

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from gateway.api.assembly import assemble
from gateway.api.auth import Here, Who
from gateway.api.bodies import drain
from gateway.api.limits import count_upload
from gateway.api.observing import note
from gateway.api.purposes import checked_purpose, label, lifetime_s
from gateway.api.replays import window_start
from gateway.api.schemas import CompleteUpload, NewUpload
from gateway.api.services import Services
from gateway.api.translate import part_object, upload_object
from gateway.api.uploads import receive_form
from gateway.api.wire import Body, check, json_response
from gateway.errors import ApiError
from gateway.store import uploads
from gateway.store.blobs import BlobInfo
from gateway.store.errors import BlobTooLarge, UploadIsOver
from gateway.store.ids import IdKind
from gateway.store.keys import Caller
from gateway.store.models import File
from gateway.store.wire_models import Upload, UploadPart
from moderation.errors import TunegateError

router = APIRouter(prefix="/v1/uploads")
MAX_PART_BYTES = 64 * 1024 * 1024


@router.post("")
def create(services: Here, caller: Who, body: Body) -> Response:
    """Announce a file that will arrive in parts within an hour."""
    asked = check(NewUpload, body)
    if asked.bytes > services.settings.max_upload_bytes:
        message = f"'bytes' is {asked.bytes}; an upload has at most {services.settings.max_upload_bytes} bytes."
        raise ApiError(400, message, param="bytes", code="file_too_large")
    now = services.now()
    purpose = checked_purpose(asked.purpose)
    upload = Upload(
        id=services.ids.new(IdKind.UPLOAD),
        project_id=caller.project_id,
        filename=label(asked.filename),
        purpose=purpose,
        mime_type=asked.mime_type,
        bytes=asked.bytes,
        file_lifetime_s=lifetime_s(purpose, asked.expires_after.seconds if asked.expires_after else None),
        state=uploads.PENDING,
        file_id=None,
        created_at=now,
        expires_at=now + uploads.LIFETIME_S,
    )
    with services.database.write() as session:
        session.add(upload)
    return json_response(upload_object(upload, None, now=now))


class _PartSink:
    """Writes a part's bytes in another thread."""

    def __init__(self, services: Services, key: str) -> None:
        self.writer = services.blobs.writer(key, max_bytes=MAX_PART_BYTES)

    async def write(self, data: bytes) -> None:
        await run_in_threadpool(self.writer.write, data)


@router.post("/{upload_id}/parts")
async def add_part(upload_id: str, request: Request, services: Here, caller: Who) -> Response:
    """Store a part; parts may come in parallel and in any order."""
    await run_in_threadpool(_pending, services, caller, upload_id)
    part_id = services.ids.new(IdKind.PART)
    key = uploads.part_key(caller.project_id, upload_id, part_id)
    sink = await run_in_threadpool(_PartSink, services, key)
    try:
        form = await receive_form(request, sink, part="data")
        if form.filename is None:
            raise ApiError(400, "Missing required parameter: 'data'.", param="data")
        blob = await run_in_threadpool(sink.writer.commit)
    except (ApiError, BlobTooLarge) as exc:
        await run_in_threadpool(sink.writer.abort)
        await drain(request)
        if isinstance(exc, BlobTooLarge):
            raise ApiError(
                413, f"A part has at most {MAX_PART_BYTES} bytes; send smaller parts.", param="data"
            ) from exc
        raise
    except BaseException:
        sink.writer.abort()
        raise
    since = window_start(request, services.now())
    part = await run_in_threadpool(_register, services, caller, upload_id, part_id, blob, since)
    if part.id != part_id:  # an earlier attempt stored it
        await run_in_threadpool(services.blobs.discard, key)
    return json_response(part_object(part))


@router.post("/{upload_id}/complete")
def complete(upload_id: str, request: Request, services: Here, caller: Who, body: Body) -> Response:
    """Join the parts in the order given to a file, which is what `POST /v1/files` would have made of them."""
    asked = check(CompleteUpload, body)
    now = services.now()
    retried = window_start(request, now) is not None
    upload, file = _found(services, caller, upload_id)
    if file is None or not retried:  # else the first answer was lost
        try:
            _pending(services, caller, upload_id)
            upload, file = assemble(services, upload, asked.part_ids, asked.md5)
        except UploadIsOver:
            upload, file = _found(services, caller, upload_id)
            if file is None or not retried:  # else the first attempt ended while this one was under way
                raise
        else:
            note(request, file_id=file.id, object_id=file.id)
    return json_response(upload_object(upload, file, now=now))


@router.post("/{upload_id}/cancel")
def cancel(upload_id: str, services: Here, caller: Who) -> Response:
    """Give an upload up; its parts are deleted. The body is not looked at."""
    now = services.now()
    with services.database.write() as session:
        upload = uploads.pending(session, caller.project_id, upload_id, now=now)
        upload.state = "cancelled"
        unneeded = uploads.forget_parts(session, upload)
    for key in unneeded:
        services.blobs.delete(key)
    return json_response(upload_object(upload, None, now=now))


def _found(services: Services, caller: Caller, upload_id: str) -> tuple[Upload, File | None]:
    with services.database.read() as session:
        upload = uploads.get(session, caller.project_id, upload_id)
        return upload, uploads.file_of(session, upload)


def _pending(services: Services, caller: Caller, upload_id: str) -> Upload:
    with services.database.write() as session:
        return uploads.pending(session, caller.project_id, upload_id, now=services.now())


def _register(
    services: Services, caller: Caller, upload_id: str, part_id: str, blob: BlobInfo, since: int | None
) -> UploadPart:
    """Write the part's row, or find the one that a first attempt of the same request wrote."""
    now = services.now()
    key = uploads.part_key(caller.project_id, upload_id, part_id)
    try:
        with services.database.write() as session:
            upload = uploads.pending(session, caller.project_id, upload_id, now=now)
            if since is not None:
                for earlier in uploads.parts_of(session, upload):
                    if earlier.sha256 == blob.sha256 and earlier.created_at >= since:
                        return earlier
            # Twice the announced size leaves room for parts that were sent again, and for no more.
            if uploads.bytes_of_parts(session, upload) + blob.bytes > 2 * upload.bytes:
                message = f"The parts are more than the {upload.bytes} bytes that the upload was announced with."
                raise ApiError(400, message, param="data")
            count_upload(session, services, caller, blob.bytes)
            part = UploadPart(
                id=part_id,
                project_id=caller.project_id,
                upload_id=upload_id,
                bytes=blob.bytes,
                sha256=blob.sha256,
                blob_key=key,
                created_at=now,
            )
            session.add(part)
            return part
    except TunegateError:
        services.blobs.delete(key)
        raise
