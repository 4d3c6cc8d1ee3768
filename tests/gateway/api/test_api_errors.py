"""Every error comes in OpenAI's envelope, and none of them is a stray 500."""

import importlib
import pkgutil

import openai
import pytest
from sqlalchemy.exc import OperationalError

import gateway as gateway_package
from gateway.api.auth import masked
from gateway.api.errors import TABLE, translate
from gateway.store import keys
from moderation.errors import TunegateError

KEYS = {"message", "type", "param", "code"}


def test_every_answer_carries_openais_headers(http) -> None:
    headers = http.get("/v1/models").headers
    assert headers["x-request-id"].startswith("req_")
    assert headers["openai-version"] == "2020-10-01"
    assert headers["openai-organization"].startswith("org-")
    assert int(headers["openai-processing-ms"]) >= 0


@pytest.mark.parametrize("header", [None, "Bearer", "Basic abc", "abc"])
def test_a_request_without_a_key_is_refused(http, header) -> None:
    http.headers.pop("Authorization")
    answer = http.get("/v1/models", headers={"Authorization": header} if header else {})
    assert (answer.status_code, set(answer.json()["error"])) == (401, KEYS)


def test_a_wrong_key_is_refused_and_masked(gateway) -> None:
    key = "sk-" + "secret" * 8
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="Incorrect API key provided: sk-s\\*\\*\\*\\*ret") as caught,
    ):
        client.models.list()
    assert caught.value.code == "invalid_api_key"
    assert key not in str(caught.value)


@pytest.mark.parametrize("key", ["a", "sk-short", "x" * 5_000, "sk-\u00e9\u00e9\u00e9" * 9])
def test_a_masked_key_shows_at_most_seven_letters(key) -> None:
    assert len(masked(key).replace("*", "")) <= 7


def test_the_key_is_checked_before_the_body(http) -> None:
    http.headers["Authorization"] = "Bearer wrong"
    for path in ("/v1/files", "/v1/fine_tuning/jobs", "/v1/chat/completions", "/v1/moderations"):
        assert http.post(path, content=b"rubbish").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("POST", "/v1/responses", 404),
        ("POST", "/v1/embeddings", 404),
        ("POST", "/v1/fine_tuning/alpha/graders/run", 404),
        ("GET", "/v1/fine_tuning/checkpoints/ft:a:b/permissions", 404),
        ("POST", "/v1/models/", 405),
        ("PUT", "/v1/files", 405),
        ("GET", "/v1/chat/completions", 404),
        ("GET", "/v1/files/", 404),
        ("GET", "/v1/models/%00", 404),
        ("GET", "/v1/files?purpose=%00", 404),
    ],
)
def test_an_unknown_route_or_method_is_in_the_envelope(http, method, path, status) -> None:
    answer = http.request(method, path)
    assert (answer.status_code, set(answer.json()["error"])) == (status, KEYS)


BODIES = {
    "nothing": b"",
    "not json": b"{",
    "an array": b"[]",
    "null": b"null",
    "nan": b'{"model": NaN}',
    "not utf-8": b'{"model": "\xff"}',
    "a lone surrogate": b'{"model": "\\ud800"}',
    "nested deeply": b"[" * 50_000 + b"]" * 50_000,
    "a nul": b'{"model": "a\\u0000"}',
    "huge": b'{"model": "' + b"x" * 200_000 + b'"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("path", ["/v1/fine_tuning/jobs", "/v1/chat/completions", "/v1/moderations"])
def test_a_broken_body_is_refused(http, path, body) -> None:
    answer = http.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == (413 if len(body) > 100_000 else 400)
    assert set(answer.json()["error"]) == KEYS


def test_the_content_type_of_a_body_does_not_matter(http) -> None:
    answer = http.post("/v1/moderations", content=b'{"input": "x"}', headers={"content-type": "text/plain"})
    assert answer.status_code == 200


def test_a_failure_of_our_own_is_a_500_without_a_trace(gateway, http, monkeypatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(gateway.router, "resolve", broken)
    answer = http.post("/v1/chat/completions", json={"model": "m", "messages": [{"role": "user", "content": "x"}]})
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert "secret" not in answer.text
    assert "x-request-id" in answer.headers


def test_a_database_that_does_not_answer_is_a_503(gateway, http, monkeypatch) -> None:
    def locked(*_: object, **__: object) -> None:
        raise OperationalError("SELECT secret", {}, Exception("locked"))

    monkeypatch.setattr(keys, "verify", locked)
    answer = http.get("/v1/models")
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "server_error")
    assert (answer.headers["retry-after"], "secret" in answer.text) == ("2", False)


def test_the_table_of_errors_is_total() -> None:
    for package in ("moderation", "trainers", "evaluators", "deploy", "gateway"):
        importlib.import_module(f"{package}.errors")
    for module in pkgutil.iter_modules([f"{gateway_package.__path__[0]}/store"], "gateway.store."):
        if not module.ispkg:
            importlib.import_module(module.name)
    missing = [kind for kind in _below(TunegateError) if not any(up in TABLE for up in kind.__mro__)]
    ours = [kind for kind in missing if not kind.__name__.startswith("_")]
    assert ours == []


def test_an_error_that_is_in_no_table_is_our_failure() -> None:
    class Stray(TunegateError):
        pass

    assert (translate(Stray("secret")).status, "secret" in str(translate(Stray("secret")))) == (500, False)


def _below(kind: type) -> list[type]:
    return [
        found for child in kind.__subclasses__() for found in (child, *_below(child)) if "test" not in found.__module__
    ]
