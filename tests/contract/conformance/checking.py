"""Answers held against an OpenAPI document: which operation answered, what its schema is, what is wrong."""

import copy
import functools
import operator
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jsonschema_rs
import yaml

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
    only_nulls: bool = False
    """Whether it is a field that may be left out and is null, as in OpenAI's own answers (`expires_at` of a file)."""


class Specification:
    """An OpenAPI document, 3.0 or 3.1."""

    def __init__(self, document: Json) -> None:
        self._components = _as_json_schema(document.get("components", {}))
        self._paths = [(_pattern(path), _as_json_schema(item)) for path, item in document["paths"].items()]

    def check(self, exchange: Exchange) -> Finding:
        """Whether the answer is one that the document allows."""
        schema = self._schema(exchange)
        if isinstance(schema, str):
            return Finding(exchange=exchange, problem=schema)
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": self._components})
        first = next(iter(validator.iter_errors(exchange.body)), None)
        if first is None:
            return Finding(exchange=exchange, problem=None)
        where = "/".join(map(str, first.instance_path))
        problem = f"{where or 'body'}: {first.message}"
        return Finding(exchange=exchange, problem=problem, only_nulls=_only_nulls(validator, exchange.body))

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


class _TextDates(yaml.SafeLoader):
    """YAML whose dates are texts, as they are in JSON."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def parse(text: str) -> Json:
    """An OpenAPI document in YAML or JSON. Raises `yaml.YAMLError`."""
    document: Json = yaml.load(text, Loader=_TextDates)
    return document


def score(findings: Iterable[Finding]) -> dict[str, tuple[int, int, int]]:
    """By resource: how many answers conform to the letter, how many but for nulls, and how many there were."""
    table: dict[str, tuple[int, int, int]] = {}
    for finding in findings:
        right, nearly, n = table.get(finding.exchange.resource, (0, 0, 0))
        fits = finding.problem is None
        table[finding.exchange.resource] = (right + fits, nearly + (fits or finding.only_nulls), n + 1)
    return table


def _only_nulls(validator: jsonschema_rs.Draft202012Validator, body: Any) -> bool:
    """Whether a body fits without the fields whose null does not."""
    body = copy.deepcopy(body)
    for error in list(validator.iter_errors(body)):
        if not error.instance_path:
            return False
        *path, last = error.instance_path
        holder = functools.reduce(operator.getitem, path, body)
        if not isinstance(holder, dict) or holder.get(last, ...) is not None:
            return False
        del holder[last]
    return bool(validator.is_valid(body))


def _pattern(path: str) -> "re.Pattern[str]":
    return re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)))


def _as_json_schema(value: Any) -> Any:
    """3.0 says `nullable: true` for a type `null`, and `exclusiveMinimum: true` beside a minimum, and so may 3.1."""
    if isinstance(value, list):
        return [_as_json_schema(item) for item in value]
    if not isinstance(value, dict):
        return value
    converted = {key: _as_json_schema(item) for key, item in value.items()}
    for bound in ("Minimum", "Maximum"):
        if converted.get(f"exclusive{bound}") is True:
            converted[f"exclusive{bound}"] = converted.pop(bound.lower())
        elif converted.get(f"exclusive{bound}") is False:
            del converted[f"exclusive{bound}"]
    if converted.pop("nullable", False) is True:
        return {"anyOf": [converted, {"type": "null"}]}
    return converted
