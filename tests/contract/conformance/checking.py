"""Answers held against an OpenAPI document: which operation answered, what its schema is, what is wrong."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

ERROR = "ErrorResponse"
"""What OpenAI's document calls the envelope of its errors."""
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request that was made, and one JSON body of its answer: a stream has as many as it has events."""

    method: str
    path: str
    """Below `/v1`."""
    status: int
    body: Any
    streamed: bool = False

    @property
    def resource(self) -> str:
        """The first part of the path."""
        return self.path.strip("/").split("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with an exchange; None for nothing."""

    exchange: Exchange
    problem: str | None


class Specification:
    """An OpenAPI document, 3.0 or 3.1."""

    def __init__(self, document: Json) -> None:
        self._components = _with_nulls(document.get("components", {}))
        self._paths = [(_pattern(path), _with_nulls(item)) for path, item in document["paths"].items()]

    def check(self, exchange: Exchange) -> Finding:
        """Whether the answer is one that the document allows."""
        schema = self._schema(exchange)
        if isinstance(schema, str):
            return Finding(exchange=exchange, problem=schema)
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": self._components})
        first = next(iter(validator.iter_errors(exchange.body)), None)
        where = "" if first is None else "/".join(map(str, first.instance_path))
        return Finding(exchange=exchange, problem=None if first is None else f"{where or 'body'}: {first.message}")

    def _schema(self, exchange: Exchange) -> Json | str:
        """The schema of an answer, or why there is none."""
        found = [item for pattern, item in self._paths if pattern.fullmatch(exchange.path)]
        operation = next((item[exchange.method] for item in found if exchange.method in item), None)
        if operation is None and exchange.status < 400:
            return "the document has no such operation"
        if exchange.status >= 400:
            known = ERROR in self._components.get("schemas", {})
            return {"$ref": f"#/components/schemas/{ERROR}"} if known else {"type": "object", "required": ["error"]}
        responses = operation["responses"] if operation else {}
        answer = responses.get(str(exchange.status)) or responses.get("default")
        if answer is None:
            return f"the document has no status {exchange.status} here"
        kinds = answer.get("content", {})
        # OpenAI's document lists no stream of `/completions`, and says elsewhere that its events are as its answers.
        wanted = ("text/event-stream", "application/json") if exchange.streamed else ("application/json",)
        kind = next((kind for kind in wanted if kind in kinds), None)
        if kind is None:
            return f"the document has no {wanted[0]} here"
        schema: Json = kinds[kind].get("schema", {})
        return schema


def score(findings: Iterable[Finding]) -> dict[str, tuple[int, int]]:
    """By resource: how many answers conform, and how many there were."""
    table: dict[str, tuple[int, int]] = {}
    for finding in findings:
        right, n = table.get(finding.exchange.resource, (0, 0))
        table[finding.exchange.resource] = (right + (finding.problem is None), n + 1)
    return table


def _pattern(path: str) -> "re.Pattern[str]":
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)))


def _with_nulls(value: Any) -> Any:
    """3.0 says `nullable: true` where 3.1 and JSON Schema have a type `null`."""
    if isinstance(value, list):
        return [_with_nulls(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {key: _with_nulls(item) for key, item in value.items()}
    if converted.pop("nullable", False) is True:
        return {"anyOf": [converted, {"type": "null"}]}
    return converted
