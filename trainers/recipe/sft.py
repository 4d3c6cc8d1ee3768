"""Supervised fine-tuning with TRL. The loss is a mean over the trained tokens of a step's examples."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pyarrow  # type: ignore[import-untyped]
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from trainers.recipe import packing, restraints
from trainers.recipe.defences import ARGUMENTS, ConstrainedTrainer
from trainers.recipe.preparation import Bench, Prepared, arguments, list_column
from trainers.recipe.sparse_head import SparseHeadTrainer
from trainers.recipe.validation import Validation
from trainers.recipe.weights import adapter
from trainers.rendering import RenderedSet, render_file
from trainers.types import Defence, Tuning

logger = logging.getLogger(__name__)


def prepare(bench: Bench) -> Prepared:
    """Read chat rows, and make ready to learn their assistant turns. Raises what `restraints.check` raises."""
    spec = bench.spec
    restraints.check(spec)
    rendered = render_file(bench.examples, bench.renderer, lines=bench.lines)
    validation = None
    if bench.order.validation_path:
        path = Path(bench.order.validation_path)
        validation = Validation(render_file(path, bench.renderer, purpose="validation"), seed=spec.seed)

    def build(model: PreTrainedModel, callbacks: Sequence[TrainerCallback]) -> Trainer:
        numbers = arguments(bench, longest=rendered.longest)
        packed = spec.tuning is not Tuning.PREFIX and packing.keeps_apart(model)
        logger.info("job %s: batches are %s", spec.job_id, "packed" if packed else "padded")
        constrained = spec.defence is Defence.CONSTRAINED
        if constrained:
            numbers |= ARGUMENTS
        plain = SFTTrainer if torch.cuda.is_available() else SparseHeadTrainer
        trainer = (ConstrainedTrainer if constrained else plain)(
            model=model,
            args=SFTConfig(dataset_kwargs={"skip_prepare_dataset": True}, **numbers),
            train_dataset=_dataset(rendered),
            processing_class=bench.tokenizer,
            data_collator=packing.collate if packed else None,
            peft_config=adapter(spec, model, untouched=restraints.untouched(model, spec.restraints.frozen_share)),
            callbacks=[*restraints.callbacks(spec.restraints), *callbacks],
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
