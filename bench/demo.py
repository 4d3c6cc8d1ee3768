"""How long a newcomer waits for `tunegate demo`."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from bench.measure import Measure, machine

LIMIT_S = 360.0


def measures() -> Sequence[Measure]:
    """Wall-clock time of the whole demo, everything installed, against six minutes."""
    with tempfile.TemporaryDirectory() as out:
        started = time.perf_counter()
        command = [sys.executable, "-m", "gateway.cli", "demo", "--json", "--out", out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wall_s = time.perf_counter() - started
    rows_right = done.returncode == 0 and len(json.loads(done.stdout)["scenarios"]) > 0
    return [
        Measure(
            name="demo, wall clock",
            value=wall_s,
            unit="s",
            rival="limit of 360 s",
            ratio=wall_s / LIMIT_S,
            goal="<= 1, every row right",
            met=wall_s <= LIMIT_S and rows_right,
            machine=machine(),
        )
    ]
