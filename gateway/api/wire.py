"""JSON in and out: bodies read with a cap and checked, answers written fast."""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from gateway.api.bodies import read_whole
from gateway.api.errors import envelope, translate
from gateway.errors import ApiError
from gateway.store.errors import StateUnavailable
from moderation.errors import TunegateError

logger = logging.getLogger(__name__)
M = TypeVar("M", bound=BaseModel)
KIND = re.compile(r"str|list\[.*\]|\[key\]")
"""What pydantic adds to the place of a value that may be of several kinds, and to that of a key."""


def json_response(
    content: Mapping[str, Any], status: int = 200, *, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON answer."""
    body = orjson.dumps(content)
    return Response(body, status_code=status, media_type="application/json", headers=dict(headers or {}))


def error_response(error: ApiError) -> Response:
    """An error in OpenAI's envelope."""
    response = json_response(envelope(error), error.status)
    response.headers.update(error.headers)
    return response


def failure(error: TunegateError) -> Response:
    """What a client is told of an exception of ours."""
    if isinstance(error, StateUnavailable):
        logger.error("%s", error)
    return error_response(translate(error))


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object, whatever content type it came with."""
    body = await read_whole(request, request.app.state.services.settings.max_body_bytes)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise ApiError(400, f"We could not parse the JSON body of your request: {exc}.") from exc
    if not isinstance(value, dict):
        raise ApiError(400, f"The JSON body of your request is {_kind(value)}; expected an object.")
    if b"\\u0000" in body and _has_nul(value):
        raise ApiError(400, "The JSON body of your request holds a NUL character (\\u0000); take it out.")
    return value


Body = Annotated[dict[str, Any], Depends(json_object)]


def check(model: type[M], body: Mapping[str, Any]) -> M:
    """The body as a checked value. Raises a 400 that names the first field at fault."""
    try:
        return model.model_validate(body)
    except ValidationError as exc:
        raise invalid(exc.errors(include_url=False, include_context=False)) from exc


def invalid(errors: Sequence[Any]) -> ApiError:
    """The 400 for pydantic's findings: `param` names the first field, the message tells every one."""
    sentences = []
    errors = _without_other_kinds(errors)
    for error in errors:
        text = str(error["msg"]).removeprefix("Value error, ")
        if error["type"] == "missing":
            sentences.append(f"Missing required parameter: '{_place(error)}'.")
        else:
            sentences.append(f"Invalid value for '{_place(error)}': {text[:1].lower()}{text[1:]}.")
    return ApiError(400, " ".join([*dict.fromkeys(sentences)][:20]), param=_place(errors[0]))


def _without_other_kinds(errors: Sequence[Any]) -> Sequence[Any]:
    """The findings, less those that a value is not of another kind that it might have been.

    Of a text or a list of texts pydantic says of a wrong list also that it is no text.
    """
    faults = [_place(error) for error in errors if not _is_of_another_kind(error)]
    return [
        error
        for error in errors
        if not (_is_of_another_kind(error) and any(fault.startswith(_place(error)) for fault in faults))
    ]


def _is_of_another_kind(error: Any) -> bool:
    return str(error["type"]).endswith("_type") and any(KIND.fullmatch(str(part)) for part in error["loc"][-1:])


def _place(error: Any) -> str:
    place = ""
    for part in error["loc"]:
        if isinstance(part, int):
            place += f"[{part}]"
        elif part not in ("query", "path", "body", "header") and not KIND.fullmatch(part):
            place += f".{part}" if place else str(part)
    return place


def _has_nul(value: Any) -> bool:
    """Whether a text holds a NUL, which Postgres cannot store."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any("\0" in key or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
