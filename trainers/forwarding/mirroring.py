"""A provider's metrics as ours: from its events, and from its result file."""

import csv
import io
import math
from collections.abc import Iterable, Mapping
from typing import Any

from trainers.types import StepMetrics

OPTIONAL = ("valid_loss", "valid_mean_token_accuracy", "full_valid_loss", "full_valid_mean_token_accuracy")


def from_events(events: Iterable[Any], *, after_step: int) -> tuple[StepMetrics, ...]:
    """Metrics of the steps after `after_step`, ascending, each once; `events` come newest first.

    An event that carries no usable numbers is passed over: losing a point of a curve ends no job.
    """
    found: dict[int, StepMetrics] = {}
    for event in events:
        data = event.data if event.type == "metrics" else None
        metrics = _metrics(data) if isinstance(data, dict) else None
        if metrics is None:
            continue
        if metrics.step <= after_step:
            break
        found.setdefault(metrics.step, metrics)
    return tuple(found[step] for step in sorted(found))


def from_csv(data: bytes) -> tuple[StepMetrics, ...]:
    """Metrics of OpenAI's result file, ascending; lines without usable numbers are passed over."""
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8", errors="replace"))))
    steps = [_number(row.get("step")) or 0 for row in rows]
    total = max(steps, default=0)
    found: dict[int, StepMetrics] = {}
    for row in rows:
        named = {**row, "total_steps": total, "train_mean_token_accuracy": row.get("train_accuracy")}
        if (metrics := _metrics(named)) is not None:
            found.setdefault(metrics.step, metrics)
    return tuple(found[step] for step in sorted(found))


def _metrics(data: Mapping[str, Any]) -> StepMetrics | None:
    names = ("step", "train_loss", "train_mean_token_accuracy")
    step, loss, accuracy = (_number(data.get(name)) for name in names)
    if step is None or loss is None or accuracy is None or step < 1:
        return None
    optional = {name: _number(data.get(name)) for name in OPTIONAL}
    return StepMetrics(
        step=int(step),
        total_steps=max(int(_number(data.get("total_steps")) or 0), int(step)),
        train_loss=loss,
        train_mean_token_accuracy=accuracy,
        **optional,
    )


def _number(value: object) -> float | None:
    """A finite number, also one that is written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
