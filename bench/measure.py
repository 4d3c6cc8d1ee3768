"""One line of `bench/results.json`, and the machine it was measured on."""

import os
import platform
from typing import TypedDict


class Measure(TypedDict):
    """A figure beside what it is compared with."""

    name: str
    value: float
    unit: str
    rival: str
    """What the ratio is taken against: another way of doing it, or a limit."""
    ratio: float
    goal: str
    met: bool
    machine: str


def machine() -> str:
    """Cores, processor architecture and Python version."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
