"""What a client asked for, made concrete; and the specification as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import cast

from trainers.types import (
    BaseModel,
    Hyperparameters,
    LoraSpec,
    Method,
    TrainingSpec,
    Tuning,
    auto_epochs,
)

AUTO = "auto"
MAX_EPOCHS = 50
MAX_BATCH_SIZE = 256


def resolve(requested: Mapping[str, object], n_examples: int) -> Hyperparameters:
    """Concrete hyperparameters for `n_examples` rows; a key that is absent, null or `"auto"` is chosen.

    Keys are OpenAI's: `n_epochs` (1 to 50), `batch_size` (1 to 256), `learning_rate_multiplier` (above 0).
    Raises `ValueError` with a sentence for any other value.
    """
    return Hyperparameters(
        n_epochs=_integer(requested, "n_epochs", MAX_EPOCHS, auto_epochs(n_examples)),
        batch_size=_integer(requested, "batch_size", MAX_BATCH_SIZE, auto_batch_size(n_examples)),
        learning_rate_multiplier=_multiplier(requested.get("learning_rate_multiplier")),
    )


def auto_batch_size(n_examples: int) -> int:
    """Batch size that `"auto"` stands for: 0.2 % of the examples, at most 256, at least one.

    OpenAI's rule leaves 1 for every set below 1,000 rows; an eighth of a small set's steps with eight
    rows each does the same work with less noise, so sets of 20 rows and more get up to 8.
    """
    return max(1, min(8, n_examples // 10), min(MAX_BATCH_SIZE, round(0.002 * n_examples)))


def _integer(requested: Mapping[str, object], key: str, largest: int, auto: int) -> int:
    value = requested.get(key)
    if value is None or value == AUTO:
        return auto
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        raise ValueError(f"{key} is {value!r}; expected 'auto' or an integer from 1 to {largest}")
    return value


def _multiplier(value: object) -> float:
    if value is None or value == AUTO:
        return 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
        raise ValueError(f"learning_rate_multiplier is {value!r}; expected 'auto' or a number above 0")
    return float(value)


def learning_rate(spec: TrainingSpec) -> float:
    """The optimizer's learning rate: what a multiplier of 1 means for the base, times the multiplier."""
    unit = spec.base.learning_rate if spec.tuning is Tuning.LORA else spec.base.full_learning_rate
    return unit * spec.hyperparameters.learning_rate_multiplier


def spec_to_json(spec: TrainingSpec) -> str:
    """Canonical JSON: equal specifications give equal bytes."""
    return json.dumps(asdict(spec), sort_keys=True, separators=(",", ":"))


def spec_from_json(text: str) -> TrainingSpec:
    """Read what `spec_to_json` wrote. Raises `ValueError`, `KeyError` or `TypeError` on anything else."""
    data = json.loads(text)
    return TrainingSpec(
        job_id=data["job_id"],
        base=base_from_json(data["base"]),
        method=Method(data["method"]),
        tuning=Tuning(data["tuning"]),
        hyperparameters=Hyperparameters(**data["hyperparameters"]),
        lora=LoraSpec(**data["lora"]),
        seed=data["seed"],
        max_length=data["max_length"],
    )


def base_to_json(base: BaseModel) -> dict[str, object]:
    """A base model as a JSON object."""
    return asdict(base)


def base_from_json(data: object) -> BaseModel:
    """Read what `base_to_json` wrote. Raises `TypeError` on anything else."""
    return BaseModel(**cast(dict[str, object], data))  # type: ignore[arg-type]
