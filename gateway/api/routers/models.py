"""`/v1/models`: bases on the admin's list and the project's released models. Nothing else exists."""

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api.auth import Here, Who
from gateway.api.errors import model_not_found
from gateway.api.translate import base_object, model_object
from gateway.api.wire import json_response
from gateway.errors import ApiError
from gateway.store import released

router = APIRouter(prefix="/v1/models")


@router.get("")
def list_models(services: Here, caller: Who) -> Response:
    """Every model that the project may use."""
    with services.database.read() as session:
        models = released.models(session, caller.project_id)
    data = [base_object(name, admitted_at) for name, admitted_at in services.bases.items()]
    data += [model_object(model, caller.organization_id) for model in models]
    return json_response({"object": "list", "data": data})


@router.get("/{name:path}")
def retrieve(name: str, services: Here, caller: Who) -> Response:
    """One model."""
    if name in services.bases:
        return json_response(base_object(name, services.bases[name]))
    with services.database.read() as session:
        model = released.find(session, caller.project_id, name)
    if model is None:
        raise model_not_found(name)
    return json_response(model_object(model, caller.organization_id))


@router.delete("/{name:path}")
def delete(name: str, services: Here, caller: Who) -> Response:
    """Take a released model away for good. Bases belong to the admin."""
    if name in services.bases:
        message = f"'{name}' is a base model of this gateway; only fine-tuned models can be deleted."
        raise ApiError(403, message, code="not_deletable")
    with services.database.write() as session:
        files = released.delete(session, caller.project_id, name, actor=caller.principal_id, now=services.now())
    services.blobs.discard_tree(files)
    return json_response({"id": name, "object": "model", "deleted": True})
