"""Screen a file without training on it: our own resource."""

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api.auth import Here, Who
from gateway.api.limits import count_screening
from gateway.api.translate import screening_object
from gateway.api.wire import json_response
from gateway.store import files, policies, screenings
from gateway.store.ids import IdKind

router = APIRouter()


@router.post("/v1/files/{file_id}/screening")
def create(file_id: str, services: Here, caller: Who) -> Response:
    """Ask for a screening under the project's policy; a worker answers it."""
    now = services.now()
    digest, document = services.policies.for_project(caller.policy_name)
    with services.database.write() as session:
        file = files.get(session, caller.project_id, file_id, now=now)
        count_screening(session, services, caller)
        policies.pin(session, digest=digest, name=caller.policy_name, document=document, now=now)
        screening = screenings.create(
            session, id=services.ids.new(IdKind.SCREENING), file=file, policy_digest=digest, now=now
        )
    return json_response(screening_object(screening, details=caller.may_read_details))


@router.get("/v1/screenings/{screening_id}")
def retrieve(screening_id: str, services: Here, caller: Who) -> Response:
    """One screening, with its report once it is completed; all of it for a reviewer."""
    with services.database.read() as session:
        screening = screenings.get(session, caller.project_id, screening_id)
    return json_response(screening_object(screening, details=caller.may_read_details))
