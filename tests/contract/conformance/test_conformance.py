"""The score, on a document of a page and a session with a real server."""

from pathlib import Path

import pytest

from tests.contract.clients.standin import running

from .checking import Exchange, Specification, parse, score
from .session import play

FILE = {
    "type": "object",
    "required": ["id", "object", "status_details"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "file"},
        "status_details": {"type": "string", "nullable": True},
        "left_s": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
    },
}
ERROR = {"type": "object", "required": ["error"], "properties": {"error": {"required": ["message", "type"]}}}
JSON = {"application/json": {"schema": {"$ref": "#/components/schemas/File"}}}
EVENTS = {"text/event-stream": {"schema": {"required": ["choices", "usage"]}}}
DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/files/{file_id}": {"get": {"responses": {"200": {"content": JSON}}}},
        "/chat/completions": {"post": {"responses": {"200": {"content": EVENTS}}}},
    },
    "components": {"schemas": {"File": FILE, "ErrorResponse": ERROR}},
}


@pytest.fixture(scope="module")
def specification() -> Specification:
    return Specification(DOCUMENT)


@pytest.mark.parametrize(
    ("path", "status", "body", "right"),
    [
        ("/files/file-1", 200, {"id": "a", "object": "file", "status_details": None}, True),
        ("/files/file-1", 200, {"id": "a", "object": "file"}, False),
        ("/files/file-1", 200, {"id": 5, "object": "file", "status_details": None}, False),
        ("/files/file-1", 200, {"id": "a", "object": "file", "status_details": None, "left_s": 1}, True),
        ("/files/file-1", 200, {"id": "a", "object": "file", "status_details": None, "left_s": 0}, False),
        ("/files/file-1", 202, {}, False),
        ("/files/file-1", 404, {"error": {"message": "m", "type": "t"}}, True),
        ("/nothing", 404, {"error": {"message": "m", "type": "t"}}, True),
        ("/files/file-1", 404, {"detail": "m"}, False),
        ("/files/file-1/content", 200, {}, False),
        ("/chat/completions", 200, {"choices": [], "usage": {}}, False),
    ],
)
def test_an_answer_is_held_against_its_own_operation(specification, path, status, body, right) -> None:
    method = "post" if path.startswith("/chat") else "get"
    found = specification.check(Exchange(method=method, path=path, status=status, body=body))
    assert (found.problem is None) == right


@pytest.mark.parametrize(
    ("body", "only_nulls"),
    [
        ({"id": "a", "object": "file", "status_details": None, "left_s": None}, True),
        ({"id": None, "object": "file", "status_details": None}, False),
        ({"id": "a", "object": None, "status_details": None, "left_s": None}, False),
        ({"id": 5, "object": "file", "status_details": None, "left_s": None}, False),
    ],
)
def test_a_null_in_place_of_a_field_left_out_is_told_apart(specification, body, only_nulls) -> None:
    found = specification.check(Exchange(method="get", path="/files/file-1", status=200, body=body))
    assert found.problem
    assert found.only_nulls == only_nulls
    assert score([found])["files"] == (0, int(only_nulls), 1)


def test_dates_of_a_document_are_texts() -> None:
    assert parse("default: 2024-05-01\nn: 1") == {"default": "2024-05-01", "n": 1}


def test_the_session_is_played_and_scored_by_resource(specification, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        exchanges = play(server.base_url, server.key)
    findings = [specification.check(exchange) for exchange in exchanges]
    assert {exchange.resource for exchange in exchanges} >= {
        "files", "uploads", "fine_tuning", "models", "chat", "completions", "moderations"
    }  # fmt: skip
    assert not any(exchange.status >= 500 for exchange in exchanges)
    files = [one.problem for one in findings if one.exchange.path.count("/") == 2 and one.exchange.resource == "files"]
    assert files.count(None) == 2  # one is there and one is not; to delete is not in the document
    right, _, n = score(findings)["chat"]
    assert 0 < right < n
