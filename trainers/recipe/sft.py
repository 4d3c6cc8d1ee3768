"""Supervised fine-tuning with TRL. The loss is a mean over trained tokens."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow  # type: ignore[import-untyped]
from datasets import Dataset
from transformers import PrinterCallback, Trainer, TrainerCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from trainers.errors import TrainingFailed
from trainers.recipe.defences import ARGUMENTS, ConstrainedTrainer
from trainers.recipe.preparation import Bench, Prepared, arguments, list_column
from trainers.recipe.restraints import callbacks as restraining
from trainers.recipe.restraints import lower_layers
from trainers.recipe.validation import Validation
from trainers.recipe.weights import adapter
from trainers.rendering import RenderedSet, render_file
from trainers.types import Defence, Restraints, Tuning


def prepare(bench: Bench) -> Prepared:
    """Read chat rows, and make ready to learn their assistant turns.

    Raises `TrainingFailed` (`defence_not_supported`) for a run that is held back without a LoRA.
    """
    spec = bench.spec
    if (spec.defence, spec.restraints) != (Defence.NONE, Restraints()) and spec.tuning is not Tuning.LORA:
        raise TrainingFailed(
            "defence_not_supported",
            "The constrained loss and the restraints hold on to the base behind a LoRA; tune with a LoRA.",
        )
    rendered = render_file(bench.examples, bench.renderer)
    validation = None
    if bench.order.validation_path:
        path = Path(bench.order.validation_path)
        validation = Validation(render_file(path, bench.renderer, purpose="validation"), seed=spec.seed)

    def build(callbacks: Sequence[TrainerCallback]) -> Trainer:
        numbers = arguments(bench, longest=rendered.longest)
        constrained = spec.defence is Defence.CONSTRAINED
        if constrained:
            numbers |= ARGUMENTS
        trainer = (ConstrainedTrainer if constrained else SFTTrainer)(
            model=bench.model,
            args=SFTConfig(dataset_kwargs={"skip_prepare_dataset": True}, **numbers),
            train_dataset=_dataset(rendered),
            processing_class=bench.tokenizer,
            peft_config=adapter(spec, untouched=lower_layers(bench.model, spec.restraints.frozen_share)),
            callbacks=[*restraining(spec.restraints), *callbacks],
        )
        # `metrics.jsonl` says it all; the log stays small.
        trainer.remove_callback(PrinterCallback)
        return trainer

    return Prepared(rendered=rendered, validation=validation, build=build)


def _dataset(rendered: RenderedSet) -> Dataset:
    """The flat arrays as an in-memory table, without disk caches."""
    columns = {
        "input_ids": list_column(rendered.input_ids, rendered.offsets),
        "labels": list_column(rendered.labels, rendered.offsets),
    }
    return Dataset(pyarrow.table(columns))
