"""`make conformance SPEC=openapi.yaml`: a score by resource of what is served, against a copy of OpenAI's document.

With `--base-url` and `--key` an installation is asked that runs already; without, one is started whose worker
trains nothing.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.contract.clients.standin import running

from .checking import Specification, parse, score
from .session import play

GOAL = 0.99


def main() -> int:
    """Play the session and print the table; 1 when less than 99 % conforms but for fields that are null."""
    parser = argparse.ArgumentParser(prog="make conformance SPEC=PATH", description=__doc__)
    parser.add_argument("spec", type=Path, help="a copy of OpenAI's OpenAPI document, YAML or JSON")
    parser.add_argument("--base-url", help="an installation's, with /v1")
    parser.add_argument("--key", help="a key of it")
    asked = parser.parse_args()
    specification = Specification(parse(asked.spec.read_text(encoding="utf-8")))
    if asked.base_url:
        exchanges = play(asked.base_url, asked.key)
    else:
        with tempfile.TemporaryDirectory() as home, running(Path(home)) as server:
            exchanges = play(server.base_url, server.key)
    findings = [specification.check(exchange) for exchange in exchanges]
    table = dict(sorted(score(findings).items()))
    print(f"{'':15} {'conform':>8} {'but for nulls':>14} {'answers':>8}")
    table["all"] = tuple(map(sum, zip(*table.values(), strict=True)))
    for resource, (right, nearly, n) in table.items():
        print(f"{resource:15} {right / n:8.1%} {nearly / n:14.1%} {n:8}")
    for finding in findings:
        if finding.problem:
            at = finding.exchange
            print(f"  {at.method} {at.path} {at.status}: {finding.problem[:200]}")
    _, nearly, n = table["all"]
    return 0 if nearly / n >= GOAL else 1


sys.exit(main())
