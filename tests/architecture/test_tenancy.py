"""The API asks the store, which binds every query to a tenant; it makes no query of its own."""

import ast
from pathlib import Path

import pytest

API = Path(__file__).parents[2] / "gateway" / "api"
OF_THE_INSTALLATION = {"metrics.py", "job_metrics.py"}
"""What counts the rows of every tenant together, and shows none of them."""
FILES = sorted(path for path in API.rglob("*.py") if path.name not in OF_THE_INSTALLATION)
QUERIES = {"select", "get", "get_one", "scalar", "scalars", "execute", "query"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(API).as_posix())
def test_the_api_makes_no_query_of_its_own(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                on_session = isinstance(function.value, ast.Name) and function.value.id == "session"
                assert not (on_session and function.attr in QUERIES), f"line {node.lineno}"
            elif isinstance(function, ast.Name):
                assert function.id != "select", f"line {node.lineno}"
