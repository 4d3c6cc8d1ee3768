"""`/v1/chat/completions`, answered by the engine that serves the model."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from gateway.api.asking import Asking, streamed
from gateway.api.auth import asker_of
from gateway.api.chat_answers import chunk, completion, fingerprint
from gateway.api.chat_requests import read_chat
from gateway.api.genai import describe
from gateway.api.hanging_up import while_there
from gateway.api.wire import json_object, json_response
from gateway.store.ids import IdKind

router = APIRouter()


@router.post("/v1/chat/completions")
async def create(request: Request) -> Response:
    """Answer with a released model or a base. Every other name is unknown, whatever its reason."""
    asker = await asker_of(request)
    body = await json_object(request)
    asked = read_chat(body)
    functions = bool(body.get("functions"))
    completion_id = asker.services.ids.new(IdKind.CHAT)
    asking = Asking(asker=asker, told=describe(request, asked, completion_id))
    frame = {
        "id": completion_id,
        "created": asker.services.now(),
        "model": asked.model,
        "system_fingerprint": fingerprint(asked.model),
    }
    if not asked.stream:
        async with while_there(request):
            answered = await asking.answer(asked)
        return json_response(completion(answered, frame, functions=functions), headers=asking.headers)
    events = await asking.stream(asked)
    with_usage = asked.include_usage
    chunks = (chunk(event, frame, with_usage=with_usage, functions=functions) async for event in events)
    return streamed(chunks, completion_id, asking.headers)
