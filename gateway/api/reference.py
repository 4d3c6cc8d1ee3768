"""`GET /openapi.json`: the routes that are served, with their bodies and every status they may answer."""

import threading
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request
from pydantic import BaseModel, TypeAdapter
from starlette.responses import Response

from gateway.api.admin_schemas import (
    KeyChanges,
    NewAdminKey,
    NewKey,
    NewMember,
    NewProject,
    NewServiceAccount,
    NewUser,
    ProjectChanges,
    ProjectLimits,
    RateLimit,
    RoleChange,
)
from gateway.api.answers.routes import JSON, OTHERS, REFUSED
from gateway.api.chat_requests import ChatRequest
from gateway.api.completion_requests import CompletionRequest
from gateway.api.purposes import PURPOSES
from gateway.api.schemas import CompleteUpload, JobRequest, ModerationRequest, NewUpload, ReasonRequest, ReviewRequest

REFERENCE = "#/components/schemas/{model}"
JOBS = "/v1/fine_tuning/jobs"
PROJECTS = "/v1/organization/projects"
PROJECT = PROJECTS + "/{project_id}"
JSON_BODIES: Mapping[str, type[BaseModel]] = {
    JOBS: JobRequest,
    f"{JOBS}/{{job_id}}/review": ReviewRequest,
    f"{JOBS}/{{job_id}}/contest": ReasonRequest,
    f"{JOBS}/{{job_id}}/release": ReasonRequest,
    "/v1/models/{name}/export": ReasonRequest,
    "/v1/uploads": NewUpload,
    "/v1/uploads/{upload_id}/complete": CompleteUpload,
    "/v1/chat/completions": ChatRequest,
    "/v1/completions": CompletionRequest,
    "/v1/moderations": ModerationRequest,
    PROJECTS: NewProject,
    PROJECT: ProjectChanges,
    PROJECT + "/limits": ProjectLimits,
    PROJECT + "/rate_limits/{limit_id}": RateLimit,
    PROJECT + "/users": NewMember,
    PROJECT + "/users/{user_id}": RoleChange,
    PROJECT + "/users/{user_id}/api_keys": NewKey,
    PROJECT + "/service_accounts": NewServiceAccount,
    PROJECT + "/service_accounts/{account_id}": RoleChange,
    PROJECT + "/service_accounts/{account_id}/api_keys": NewKey,
    PROJECT + "/api_keys/{key_id}": KeyChanges,
    "/v1/organization/users": NewUser,
    "/v1/organization/admin_api_keys": NewAdminKey,
}
"""What is posted as JSON, by path."""
_BINARY = {"type": "string", "format": "binary"}
FORMS: Mapping[str, Mapping[str, Any]] = {
    "/v1/files": {
        "required": ["purpose", "file"],
        "properties": {
            "purpose": {"type": "string", "enum": list(PURPOSES)},
            "expires_after[anchor]": {"type": "string", "enum": ["created_at"]},
            "expires_after[seconds]": {"type": "integer", "minimum": 3_600, "maximum": 2_592_000},
            "file": _BINARY,
        },
    },
    "/v1/uploads/{upload_id}/parts": {"required": ["data"], "properties": {"data": _BINARY}},
}
"""What is posted as a form."""
_SEVERAL = {"type": "array", "items": {"type": "string"}}
QUERIES: Mapping[str, Mapping[str, Any]] = {
    JOBS: {"metadata": {"type": ["object", "null"], "additionalProperties": {"type": "string"}}},
    "/v1/organization/audit_logs": {
        "effective_at": {
            "type": "object",
            "properties": {name: {"type": "integer", "minimum": 0} for name in ("gt", "gte", "lt", "lte")},
            "additionalProperties": False,
        },
        **{f"{name}[]": _SEVERAL for name in ("project_ids", "event_types", "actor_ids", "resource_ids")},
    },
}
"""Query parameters of lists that handlers read themselves; objects are written `name[key]=value`."""
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


class Reference:
    """The document, made when it is first asked for: nothing else of an application takes as long to make."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._turn = threading.Lock()
        self._made = b""

    def answer(self, _request: Request) -> Response:
        """`GET /openapi.json`."""
        with self._turn:
            self._made = self._made or orjson.dumps(describe(self._app))
        return Response(self._made, media_type="application/json")


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of an application, made from its routes and the schemas that check its bodies."""
    document = app.openapi()
    answers, schemas = _answers()
    schemas["Error"] = ENVELOPE
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["responses"] = _responses((method.upper(), path), answers)
            if method == "get":
                operation.setdefault("parameters", []).extend(map(_query, QUERIES.get(path, {}).items()))
            if path not in OPEN:
                operation["security"] = [{"key": []}]
            if method == "post" and path in JSON_BODIES:
                name = JSON_BODIES[path].__name__
                schemas |= _definitions(JSON_BODIES[path])
                schema = {"$ref": f"#/components/schemas/{name}"}
                operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
            if method == "post" and path in FORMS:
                schema = {"type": "object", **FORMS[path]}
                operation["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    document["components"] = {
        "schemas": schemas,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    }
    return document


def _responses(route: tuple[str, str], answers: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if route in answers:
        content["application/json"] = {"schema": answers[route]}
    if route in OTHERS:
        content[OTHERS[route]] = {"schema": {"type": "string"}}
    ok = {} if route in REFUSED else {"200": {"description": "Done.", "content": content}}
    if route[1] in OPEN:
        return ok | ({"503": {"description": "Not ready.", "content": content}} if route[1] == "/readyz" else {})
    failed = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return ok | {status: {"description": text, "content": failed} for status, text in ERRORS.items()}


def _answers() -> tuple[Mapping[tuple[str, str], Any], dict[str, Any]]:
    """The schema of every answer that is JSON, by method and path, and the schemas that those refer to."""
    found, schemas = TypeAdapter.json_schemas(
        [(route, "serialization", TypeAdapter(shape)) for route, shape in JSON.items()], ref_template=REFERENCE
    )
    return {route: schema for (route, _), schema in found.items()}, schemas.get("$defs", {})


def _query(parameter: tuple[str, Any]) -> dict[str, Any]:
    name, schema = parameter
    style = {"style": "deepObject", "explode": True} if "object" in schema["type"] else {}
    return {"name": name, "in": "query", "required": False, "schema": schema} | style


def _definitions(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=REFERENCE)
    inner: dict[str, Any] = schema.pop("$defs", {})
    return inner | {model.__name__: schema}
