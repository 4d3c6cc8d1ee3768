"""What a provider is sent: the rows of a validation file rewritten, and the request for a job."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moderation.file_format import Format
from moderation.formats.parsing import parse
from moderation.formats.serialising import example_to_json
from moderation.injection.preferences import pair_to_json, pairs
from trainers.types import TrainingSpec

TAG = "tunegate_job"


def job_request(spec: TrainingSpec, model: str, training_file: str, validation_file: str | None) -> dict[str, Any]:
    """Arguments of the SDK's `fine_tuning.jobs.create`: every number that a policy may limit is spelled out."""
    numbers = spec.hyperparameters
    values: dict[str, int | float] = {
        "n_epochs": numbers.n_epochs,
        "batch_size": numbers.batch_size,
        "learning_rate_multiplier": numbers.learning_rate_multiplier,
    }
    if numbers.beta is not None:
        values["beta"] = numbers.beta
    kind = spec.method.value
    request: dict[str, Any] = {
        "model": model,
        "training_file": training_file,
        "method": {"type": kind, kind: {"hyperparameters": values}},
        "seed": spec.seed,
        "metadata": {TAG: spec.job_id},
    }
    return request if validation_file is None else request | {"validation_file": validation_file}


def rewritten(validation: Path, to: Path) -> Path:
    """A customer's validation file as it was read when it was screened; their own bytes stay here."""
    with to.open("wb") as file:
        file.writelines(row + b"\n" for row in _rows(validation))
    return to


def _rows(path: Path) -> Iterator[bytes]:
    dataset = parse(lambda: path.open("rb"))
    if dataset.format is Format.PREFERENCE:
        yield from map(pair_to_json, pairs(dataset.iter_examples()))
    else:
        yield from map(example_to_json, dataset.iter_examples())
