"""What pyproject declares is what is installed, and all of it loads."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
GROUPS = PYPROJECT["project"]["entry-points"]


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_installed_plugins_are_the_declared_ones(group: str) -> None:
    installed = {point.name: point.value for point in entry_points(group=group)}
    assert installed == GROUPS[group], "reinstall with `make install`: an editable install keeps old entry points"


@pytest.mark.parametrize(("group", "name"), [(group, name) for group in sorted(GROUPS) for name in GROUPS[group]])
def test_every_declared_plugin_loads(group: str, name: str) -> None:
    (point,) = entry_points(group=group, name=name)
    assert callable(point.load())
