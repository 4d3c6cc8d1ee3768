"""Whatever is sent to a documented operation, the answer is one that the document allows, and no failure of ours."""

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import openai
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from one_of_each import one_of_each
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from gateway.api.reference import _answers
from gateway.store import keys, tenants
from gateway.store.permissions import Permission

CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
SAYS_THAT_NO_WORKER_RUNS = "/readyz"
ADMINISTERS = "/v1/organization"
ENDS = ("/archive", "/erase", "/cancel", "/limits", "/rate_limits/{limit_id}")


@pytest.fixture
def document(gateway) -> Any:
    """The document, read strictly: an answer has no field but those that it names."""
    found = httpx.get(f"{gateway.url}/openapi.json", timeout=60).json()
    for name in _answers()[1]:
        found["components"]["schemas"][name].setdefault("additionalProperties", False)
    return schemathesis.openapi.from_dict(found).exclude(path=SAYS_THAT_NO_WORKER_RUNS)


@pytest.fixture
def own(gateway, rows) -> Iterator[tuple[Mapping[str, str], Mapping[bool, Mapping[str, str]]]]:
    """An object of each kind in an organisation of its own, and headers by whether an operation administers."""
    tenant = gateway.tenant("admin", permissions=list(Permission), organization_name="fuzzed")
    other = gateway.tenant("member", tenant.project_id)
    services = gateway.services
    with gateway.http(tenant) as http:
        client: openai.OpenAI = gateway.client(tenant)
        file = client.files.create(file=("rows.jsonl", rows), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model="miniature", training_file=file.id, metadata={"a": "b"})
        ids = dict(one_of_each(gateway, http, tenant, job))
    with services.database.read() as session:
        organization = tenants.project(session, tenant.project_id).organization_id
        ids["project_key_id"] = keys.verify(session, other.key, now=1).key_id
        ids["account_id"] = keys.verify(session, other.key, now=1).principal_id
    with gateway.admin(organization) as admin:
        headers = {True: admin.headers["Authorization"], False: f"Bearer {tenant.key}"}
        yield ids, {administers: {"Authorization": value} for administers, value in headers.items()}


def harmless_first(operation: Any) -> tuple[bool, bool, bool, str]:
    """What reads before what writes, and what ends something last."""
    ends = operation.method.upper() == "DELETE" or operation.path.endswith(ENDS)
    return ends, operation.method.upper() != "GET", operation.path.startswith(ADMINISTERS), operation.path


def asked(gateway, document, own, n_examples: int) -> set[str]:
    """Ask every operation for what is made up, and for what there is; those that answered with a 200."""
    ids, headers = own
    operations = sorted((found.ok() for found in document.get_all_operations()), key=harmless_first)
    return {operation.label for operation in operations if answers(gateway, operation, ids, headers, n_examples)}


def answers(gateway, operation, ids, headers, n_examples: int) -> bool:
    """Whether any of so many examples of an operation was answered with a 200. All keep to the document."""
    statuses = set()
    real = ids | ({"key_id": ids["project_key_id"]} if "/projects/" in operation.path else {})

    @settings(
        max_examples=n_examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def holds(case) -> None:
        for there in (False, True)[: 1 + bool(case.path_parameters)]:
            if there:
                case.path_parameters = {name: real[name] for name in case.path_parameters}
            answer = case.call(base_url=gateway.url, headers=headers[operation.path.startswith(ADMINISTERS)])
            case.validate_response(answer, checks=CHECKS)
            statuses.add(answer.status_code)

    holds()
    return 200 in statuses


def test_every_operation_keeps_to_its_document(gateway, document, own) -> None:
    answered = asked(gateway, document, own, 1)
    reads = {found.ok().label for found in document.get_all_operations() if found.ok().method.upper() == "GET"}
    assert reads - answered == {"GET /v1/exports/{export_id}/content"}
    assert len(answered) > 45


@pytest.mark.slow
def test_every_operation_keeps_to_its_document_whatever_is_asked(gateway, document, own) -> None:
    assert len(asked(gateway, document, own, 50)) > 45
