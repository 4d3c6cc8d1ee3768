"""A sealed type is made in one module; anything else would be a way round a stage."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("moderation", "trainers", "evaluators", "deploy", "gateway")
MAKERS = {
    "ScreenedDataset": "moderation/screening/run.py",
    "TrainingSet": "moderation/injection/sealing.py",
    "CandidateModel": "trainers/artefacts.py",
    "ReleasedModel": "deploy/registry.py",
}


@pytest.fixture(scope="module")
def made() -> dict[str, set[str]]:
    """For each name that is called anywhere, the files that call it."""
    found: dict[str, set[str]] = {}
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            name = getattr(called, "id", getattr(called, "attr", ""))
            found.setdefault(name, set()).add(path.relative_to(ROOT).as_posix())
    return found


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


@pytest.mark.parametrize(("sealed", "maker"), MAKERS.items())
def test_a_sealed_type_has_one_maker(made: dict[str, set[str]], sealed: str, maker: str) -> None:
    assert made[sealed] == {maker}


def test_no_sealed_type_is_copied_with_other_contents() -> None:
    """`dataclasses.replace` would forge a seal as surely as a constructor."""
    makers = {str(ROOT / maker) for maker in MAKERS.values()}
    for path in _sources():
        if str(path) not in makers:
            text = path.read_text()
            for sealed in MAKERS:
                assert f"replace({sealed.lower()}" not in text, path
