"""What a client asked for, made concrete; and the specification as JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import cast

from trainers.types import (
    BaseModel,
    Defence,
    Hyperparameters,
    LoraSpec,
    Method,
    ParentModel,
    Restraints,
    SmallSets,
    TrainingSpec,
    Tuning,
    auto_epochs,
)

AUTO = "auto"
MAX_EPOCHS = 50
MAX_BATCH_SIZE = 256
MAX_BETA = 2.0
AUTO_BETA = 0.1
"""TRL's default, and the value of the DPO paper's dialogue runs (Rafailov et al. 2023)."""
PREFIX_RATE = 10.0
"""Multiple of a base's learning rate for LoRA that a multiplier of 1 means for a prefix.

Source: Qi et al. (2024), appendix F: 1e-2 for prefixes where LoRA has 1e-3.
"""
DPO_RATE = 0.1
"""Share of a base's learning rate that a multiplier of 1 means for DPO.

A preference says only which of two answers is better, and a large step along it leaves language behind;
published DPO runs of chat models use a tenth of their supervised rate or less.
"""


def resolve(requested: Mapping[str, object], n_examples: int, method: Method = Method.SUPERVISED) -> Hyperparameters:
    """Concrete hyperparameters for `n_examples` rows; a key that is absent, null or `"auto"` is chosen.

    Keys are OpenAI's: `n_epochs` (1 to 50), `batch_size` (1 to 256), `learning_rate_multiplier` (above 0),
    and for DPO `beta` (above 0, up to 2).
    Raises `ValueError` with a sentence for any other value.
    """
    return Hyperparameters(
        n_epochs=_integer(requested, "n_epochs", MAX_EPOCHS, auto_epochs(n_examples)),
        batch_size=_integer(requested, "batch_size", MAX_BATCH_SIZE, auto_batch_size(n_examples)),
        learning_rate_multiplier=_positive(requested, "learning_rate_multiplier", math.inf, 1.0),
        beta=_positive(requested, "beta", MAX_BETA, AUTO_BETA) if method is Method.DPO else None,
    )


def limited(numbers: Hyperparameters, n_rows: int, n_injected: int, limits: SmallSets) -> Hyperparameters:
    """The numbers within the limits that hold for `n_rows` rows of a customer, trained with `n_injected` of ours."""
    if n_rows >= limits.below:
        return numbers
    n_examples, n_epochs = n_rows + n_injected, min(numbers.n_epochs, limits.max_epochs)
    batch_size = max(numbers.batch_size, limits.min_batch_size)
    if limits.max_steps:
        batch_size = max(batch_size, min(MAX_BATCH_SIZE, -(-n_examples // limits.max_steps)))
        n_epochs = max(1, min(n_epochs, limits.max_steps // -(-n_examples // batch_size)))
    return replace(
        numbers,
        n_epochs=n_epochs,
        batch_size=batch_size,
        learning_rate_multiplier=min(numbers.learning_rate_multiplier, limits.max_multiplier),
    )


def capped(asked: Hyperparameters, given: Hyperparameters) -> tuple[str, ...]:
    """What a run gets less of than was asked for, in words; for a batch, more."""
    held_back = {
        "n_epochs": given.n_epochs < asked.n_epochs,
        "batch_size": given.batch_size > asked.batch_size,
        "learning_rate_multiplier": given.learning_rate_multiplier < asked.learning_rate_multiplier,
    }
    return tuple(
        f"{name} {getattr(asked, name):g} to {getattr(given, name):g}" for name, held in held_back.items() if held
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


def _positive(requested: Mapping[str, object], key: str, largest: float, auto: float) -> float:
    value = requested.get(key)
    if value is None or value == AUTO:
        return auto
    bounds = "above 0" if math.isinf(largest) else f"above 0 and up to {largest:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is {value!r}; expected 'auto' or a number {bounds}")
    if not (math.isfinite(value) and 0 < value <= largest):
        raise ValueError(f"{key} is {value!r}; expected 'auto' or a number {bounds}")
    return float(value)


def learning_rate(spec: TrainingSpec) -> float:
    """The optimizer's learning rate: what a multiplier of 1 means for base and method, times the multiplier."""
    unit = spec.base.full_learning_rate if spec.tuning is Tuning.FULL else spec.base.learning_rate
    if spec.tuning is Tuning.PREFIX:
        unit *= PREFIX_RATE
    if spec.method is Method.DPO:
        unit *= DPO_RATE
    return unit * spec.hyperparameters.learning_rate_multiplier


def goes_on_as(parent: Tuning, tuning: Tuning) -> bool:
    """Whether a model that was tuned as `parent` can be tuned further as `tuning`.

    A LoRA goes on as itself, or is merged and all weights move. A whole model cannot get an adapter: what is
    served is one adapter on the root base. peft trains no prefix further.
    """
    return (parent, tuning) in ((Tuning.LORA, Tuning.LORA), (Tuning.LORA, Tuning.FULL), (Tuning.FULL, Tuning.FULL))


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
        defence=Defence(data.get("defence", Defence.NONE)),
        parent=ParentModel(**data["parent"]) if data.get("parent") else None,
        restraints=Restraints(**data.get("restraints", {})),
        capped=tuple(data.get("capped", ())),
    )


def base_to_json(base: BaseModel) -> dict[str, object]:
    """A base model as a JSON object."""
    return asdict(base)


def base_from_json(data: object) -> BaseModel:
    """Read what `base_to_json` wrote. Raises `TypeError` on anything else."""
    return BaseModel(**cast(dict[str, object], data))  # type: ignore[arg-type]
