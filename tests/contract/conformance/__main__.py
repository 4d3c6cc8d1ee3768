"""`make conformance SPEC=openapi.yaml`: a score by resource of what is served, against a copy of OpenAI's document.

With `--base-url` and `--key` an installation is asked that runs already; without, one is started whose worker
trains nothing.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import yaml

from tests.contract.clients.standin import running

from .checking import Specification, score
from .session import play

GOAL = 0.99


def main() -> int:
    """Play the session and print the table; 1 when less than 99 % conforms."""
    parser = argparse.ArgumentParser(prog="make conformance SPEC=PATH", description=__doc__)
    parser.add_argument("spec", type=Path, help="a copy of OpenAI's OpenAPI document, YAML or JSON")
    parser.add_argument("--base-url", help="an installation's, with /v1")
    parser.add_argument("--key", help="a key of it")
    asked = parser.parse_args()
    specification = Specification(yaml.safe_load(asked.spec.read_text()))
    if asked.base_url:
        exchanges = play(asked.base_url, asked.key)
    else:
        with tempfile.TemporaryDirectory() as home, running(Path(home)) as server:
            exchanges = play(server.base_url, server.key)
    findings = [specification.check(exchange) for exchange in exchanges]
    table = score(findings)
    for resource, (right, n) in sorted(table.items()):
        print(f"{resource:15} {right:3} of {n:3}  {right / n:6.1%}")
    right, n = (sum(column) for column in zip(*table.values(), strict=True))
    print(f"{'all':15} {right:3} of {n:3}  {right / n:6.1%}")
    for finding in findings:
        if finding.problem:
            at = finding.exchange
            print(f"  {at.method} {at.path} {at.status}: {finding.problem[:200]}")
    return 0 if right / n >= GOAL else 1


sys.exit(main())
