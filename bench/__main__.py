"""Run benchmarks, print a table, and keep what was measured last of each in `bench/results.json`."""

import argparse
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import classifiers, demo, detectors, engine, floods, judges, rule, screening, starting, training, uploads
from bench.chat import figures as chat
from bench.measure import Measure
from bench.zoo import figures as zoo

SUITES: dict[str, Callable[[], Sequence[Measure]]] = {
    "engine": engine.measures,
    "classifiers": classifiers.measures,
    "screening": screening.measures,
    "detectors": detectors.measures,
    "floods": floods.measures,
    "judges": judges.measures,
    "rule": rule.measures,
    "zoo": zoo.measures,
    "training": training.measures,
    "uploads": uploads.measures,
    "starting": starting.measures,
    "chat": chat.measures,
    "demo": demo.measures,
}
RESULTS = Path(__file__).parent / "results.json"


def main() -> int:
    """Measure what was asked for; exit status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"any of: {', '.join(SUITES)}; all by default")
    names = parser.parse_args().suites or list(SUITES)
    unknown = sorted(set(names) - set(SUITES))
    if unknown:
        parser.error(f"no suite is called {', '.join(unknown)}; there are: {', '.join(SUITES)}")
    measures = [measure for name in names for measure in SUITES[name]()]
    Console().print(_table(measures))
    _keep(measures, RESULTS)
    return 0 if all(measure["met"] for measure in measures) else 1


def _keep(measures: Sequence[Measure], path: Path) -> None:
    """Write the measures in the place of those that compared the same before; others stay as they were."""
    kept = {_key(one): one for one in (json.loads(path.read_text()) if path.exists() else [])}
    path.write_text(json.dumps([*(kept | {_key(one): one for one in measures}).values()], indent=1) + "\n")


def _key(measure: Measure) -> tuple[str, str]:
    """What was measured, and against what: a rival's figure is behind a colon or a comma."""
    return measure["name"], re.split("[:,]", measure["rival"])[0]


def _table(measures: Sequence[Measure]) -> Table:
    table = Table(title="tunegate benchmarks")
    for column in ("measure", "value", "against", "ratio", "goal", "met"):
        table.add_column(column)
    for measure in measures:
        value = f"{measure['value']:,.3g} {measure['unit']}"
        met = "yes" if measure["met"] else "NO"
        table.add_row(measure["name"], value, measure["rival"], f"{measure['ratio']:.3g}", measure["goal"], met)
    return table


if __name__ == "__main__":
    raise SystemExit(main())
