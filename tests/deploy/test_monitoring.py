"""Alerts and dashboard: expressions that parse, over metrics and labels that are served."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.api.job_metrics import DECIDERS, OUTCOMES
from gateway.api.metrics import RequestMetrics

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "deploy" / "manifests" / "monitoring"
SERVED = ("api/metrics.py", "api/job_metrics.py", "telemetry/gpus.py", "worker/vitals.py")


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def expressions() -> list[str]:
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return [*(rule["expr"] for rule in alerts()), *(one["expr"] for panel in panels for one in panel["targets"])]


def names_in(text: str) -> set[str]:
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\btunegate_[a-z_]+", text)}


def served() -> set[str]:
    return names_in("\n".join((ROOT / "gateway" / name).read_text() for name in SERVED))


def test_every_expression_parses() -> None:
    promql = pytest.importorskip("promql_parser", reason="the parser of Prometheus's language is not installed")
    for expression in expressions():
        promql.parse(expression)


def test_every_metric_that_is_named_is_served_and_told_of() -> None:
    named = set().union(*map(names_in, expressions()))
    guide = (ROOT / "docs" / "guide" / "deploying.md").read_text()
    assert named <= served()
    assert {name for name in served() if name not in guide and not name.startswith("tunegate_gpu_")} == set()


def test_what_an_alert_picks_out_is_there_from_the_start() -> None:
    text = "\n".join(expressions())
    assert set(re.findall(r'outcome="(\w+)"', text)) <= set(OUTCOMES)
    assert set(re.findall(r'by="(\w+)"', text)) <= set(DECIDERS)
    metrics = RequestMetrics()
    metrics.observe(route="/v1/chat/completions", method="POST", status=500, seconds=1.0)
    line = next(line for line in metrics.lines() if line.startswith("tunegate_requests_total{"))
    assert 'route="/v1/chat/completions"' in line
    assert re.search(r'status="5..\"', line)


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in alerts()}) == len(alerts())
    for rule in alerts():
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
        assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
