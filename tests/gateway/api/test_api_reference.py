"""The guide's table of routes says of each what is served, no more and no less."""

import re
from pathlib import Path

from gateway.api.answers.routes import JSON, OTHERS, REFUSED
from gateway.api.app import create_app
from gateway.api.rules import RULES

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "api.md"
ROW = re.compile(r"^\| `([A-Z]+) (/\S+)` \| (.+?) \| (.+?) \|$", re.MULTILINE)
OPEN = ("/healthz", "/readyz")


def test_the_guide_has_every_route_that_is_served_and_no_other(http) -> None:
    document = http.get("/openapi.json").json()
    served = [
        (method.upper(), path, operation["description"].splitlines()[0])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    assert sorted((method, path, says) for method, path, _, says in ROW.findall(GUIDE.read_text())) == sorted(served)


def test_the_document_has_an_answer_of_every_route(gateway) -> None:
    paths = create_app(gateway.services).openapi()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert served == JSON.keys() | OTHERS.keys() | REFUSED


def test_the_guide_names_the_permission_that_each_route_asks_for() -> None:
    for method, path, needs, _ in ROW.findall(GUIDE.read_text()):
        rule = RULES.get((method, path))
        closed = "no key" if path in OPEN else "an admin key"
        assert needs == (f"`{rule.permission.value}`" if rule else closed), (method, path)
