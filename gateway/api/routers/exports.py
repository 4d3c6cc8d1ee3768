"""Weights that leave the gateway: for keys that name the permission `models.export`, which no role has."""

from collections.abc import Iterator
from typing import IO

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from gateway.api.auth import Here, Who
from gateway.api.errors import model_not_found
from gateway.api.schemas import ReasonRequest
from gateway.api.translate import export_object
from gateway.api.wire import Body, check, json_response
from gateway.errors import ApiError
from gateway.store import exports, released
from gateway.store.blobs import read_chunks
from gateway.store.errors import NotFound
from gateway.store.ids import IdKind

router = APIRouter()


@router.post("/v1/models/{name:path}/export")
def create(name: str, services: Here, caller: Who, body: Body) -> Response:
    """Ask for the weights of a released model. A worker packs them, with an attestation that says they left."""
    asked = check(ReasonRequest, body)
    if not asked.reason.strip():
        raise ApiError(400, "The reason is empty; say why, it is kept for ever.", param="reason")
    with services.database.write() as session:
        model = released.find(session, caller.project_id, name)
        if model is None:
            raise model_not_found(name)
        export = exports.ask(
            session,
            model,
            id=services.ids.new(IdKind.EXPORT),
            actor=caller.principal_id,
            reason=asked.reason,
            now=services.now(),
        )
    return json_response(export_object(export))


@router.get("/v1/exports/{export_id}")
def retrieve(export_id: str, services: Here, caller: Who) -> Response:
    """Whether the weights are packed."""
    with services.database.read() as session:
        return json_response(export_object(exports.get(session, caller.project_id, export_id)))


@router.get("/v1/exports/{export_id}/content")
def content(export_id: str, services: Here, caller: Who) -> Response:
    """The packed weights: a tar of the artefact and its stamped attestation."""
    with services.database.read() as session:
        export = exports.get(session, caller.project_id, export_id)
        in_service = released.find(session, caller.project_id, export.model_name) is not None
    if export.status != exports.COMPLETED or export.expires_at is None or not in_service:
        message = f"Export {export_id} has nothing to fetch: it is {export.status}, or its day is over; ask anew."
        raise ApiError(400, message, param="export_id")
    try:
        stream = services.blobs.open(exports.blob_key(caller.project_id, export_id))
    except FileNotFoundError as exc:
        raise NotFound("export", export_id) from exc
    headers = {"content-disposition": f'attachment; filename="{export_id}.tar"'}
    return StreamingResponse(_pieces(stream), media_type="application/x-tar", headers=headers)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    with stream:
        yield from read_chunks(stream)
