"""A provider's events and result file as ours: metrics, and what it says in words."""

import csv
import hashlib
import io
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trainers.messages import Message
from trainers.types import StepMetrics

MAX_MESSAGES = 200
"""Of one run; what more is said is passed over."""
OPTIONAL = ("valid_loss", "valid_mean_token_accuracy", "full_valid_loss", "full_valid_mean_token_accuracy")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What events say that was not known."""

    metrics: tuple[StepMetrics, ...]
    """Ascending by step, each once."""
    messages: tuple[Message, ...]
    """Oldest first; their texts are still the provider's own."""


def from_events(events: Iterable[Any], *, after_step: int, known: Collection[str]) -> News:
    """What was not known of events, which come newest first: steps after `after_step`, messages of no `known` key.

    The first step that is known ends it, for what is older is known too; a message does not, for metrics may be
    listed late. An event that carries nothing usable is passed over: losing a point of a curve ends no job.
    """
    metrics: dict[int, StepMetrics] = {}
    messages: dict[str, Message] = {}
    for event in events:
        data = event.data if event.type == "metrics" else None
        step = _metrics(data) if isinstance(data, dict) else None
        if step is not None and step.step <= after_step:
            break
        if step is not None:
            metrics.setdefault(step.step, step)
        elif (message := _message(event)) is not None and message.key not in known:
            messages.setdefault(message.key, message)
    room = max(0, MAX_MESSAGES - len(known))
    return News(
        metrics=tuple(metrics[step] for step in sorted(metrics)), messages=tuple(reversed(messages.values()))[:room]
    )


def _message(event: Any) -> Message | None:
    """What an event says in words; None for one that says nothing."""
    id_, text, level = (getattr(event, name, None) for name in ("id", "message", "level"))
    if event.type != "message" or not (isinstance(id_, str) and isinstance(text, str) and text.strip()):
        return None
    key = hashlib.sha256(id_.encode()).hexdigest()[:16]
    return Message(key=key, text=text, level=level if level in ("warn", "error") else "info")


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
