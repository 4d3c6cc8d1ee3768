"""`GET /openapi.json`: the routes that are served, with their bodies and every status they may answer."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from gateway.api.chat_requests import ChatRequest
from gateway.api.schemas import CompleteUpload, JobRequest, ModerationRequest, NewUpload, ReasonRequest, ReviewRequest

JOBS = "/v1/fine_tuning/jobs"
JSON_BODIES: Mapping[str, type[BaseModel]] = {
    JOBS: JobRequest,
    f"{JOBS}/{{job_id}}/review": ReviewRequest,
    f"{JOBS}/{{job_id}}/contest": ReasonRequest,
    f"{JOBS}/{{job_id}}/release": ReasonRequest,
    "/v1/uploads": NewUpload,
    "/v1/uploads/{upload_id}/complete": CompleteUpload,
    "/v1/chat/completions": ChatRequest,
    "/v1/moderations": ModerationRequest,
}
"""What is posted as JSON, by path."""
FORMS: Mapping[str, Mapping[str, str]] = {
    "/v1/files": {"purpose": "text", "file": "binary"},
    "/v1/uploads/{upload_id}/parts": {"data": "binary"},
}
"""What is posted as a form: its parts."""
OPEN = ("/healthz", "/readyz")
"""Paths that need no key."""
ERRORS = {
    "400": "The request is wrong; `param` names the field.",
    "401": "The key is missing, unknown, revoked or expired.",
    "403": "The key's role does not allow it.",
    "404": "There is no such object, or it is not yours.",
    "408": "The body came too slowly.",
    "413": "The body is too large.",
    "429": "A limit is reached; `retry-after` says for how long.",
    "500": "The gateway failed.",
    "503": "A part of the gateway is down; retry.",
}
ENVELOPE = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application, made from its routes and the schemas that check its bodies."""
    document = app.openapi()
    schemas: dict[str, Any] = {"Error": ENVELOPE}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["responses"] = _responses(path)
            if path not in OPEN:
                operation["security"] = [{"key": []}]
            if method == "post" and path in JSON_BODIES:
                name = JSON_BODIES[path].__name__
                schemas |= _definitions(JSON_BODIES[path])
                schema = {"$ref": f"#/components/schemas/{name}"}
                operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
            if method == "post" and path in FORMS:
                operation["requestBody"] = {"required": True, "content": {"multipart/form-data": _form(FORMS[path])}}
    document["components"] = {
        "schemas": schemas,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }
    return document


def _responses(path: str) -> dict[str, Any]:
    ok = {"description": "Done."}
    if path in OPEN:
        return {"200": ok} | ({"503": {"description": "Not ready."}} if path == "/readyz" else {})
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"200": ok} | {status: {"description": text, "content": content} for status, text in ERRORS.items()}


def _definitions(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    inner: dict[str, Any] = schema.pop("$defs", {})
    return inner | {model.__name__: schema}


def _form(parts: Mapping[str, str]) -> dict[str, Any]:
    kinds = {"binary": {"type": "string", "format": "binary"}, "text": {"type": "string"}}
    properties = {name: kinds[kind] for name, kind in parts.items()}
    return {"schema": {"type": "object", "required": list(parts), "properties": properties}}
