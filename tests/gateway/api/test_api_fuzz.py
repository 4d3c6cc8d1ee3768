"""Whatever is sent to a documented operation, the answer is one that the document allows, and no failure of ours."""

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

EXAMPLES = 2
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]
SAYS_THAT_NO_WORKER_RUNS = "/readyz"


def test_every_operation_keeps_to_its_document(gateway) -> None:
    document = schemathesis.openapi.from_url(f"{gateway.url}/openapi.json").exclude(path=SAYS_THAT_NO_WORKER_RUNS)
    headers = {"Authorization": f"Bearer {gateway.tenant('admin').key}"}
    asked = set()
    for operation in (found.ok() for found in document.get_all_operations()):

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def holds(case) -> None:
            case.validate_response(case.call(headers=headers), checks=CHECKS)

        holds()
        asked.add(operation.label)
    assert len(asked) > 25
