"""Whether the process answers, for supervisors and balancers."""

from fastapi import APIRouter
from starlette.responses import Response

from gateway.api.wire import json_response

router = APIRouter()


@router.get("/healthz")
async def health() -> Response:
    """Alive; needs no key and tells nothing."""
    return json_response({"status": "ok"})
