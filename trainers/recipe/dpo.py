"""Direct preference optimisation with TRL (Rafailov et al. 2023): sigmoid loss against the model at its start.

The reference of a new LoRA is the model with its adapter switched off; of an adapter that goes on, a frozen
copy of it; of full-parameter tuning, a second copy of the weights.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pyarrow  # type: ignore[import-untyped]
from datasets import Dataset
from transformers import PreTrainedModel, PrinterCallback, Trainer, TrainerCallback
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from trainers.pairs import RenderedPairs, render_pairs
from trainers.recipe import restraints
from trainers.recipe.preference_validation import PreferenceValidation, ReferenceFirst
from trainers.recipe.preparation import Bench, Prepared, arguments, list_column
from trainers.recipe.weights import adapter, starting_point
from trainers.types import Tuning


def prepare(bench: Bench) -> Prepared:
    """Read preference rows, and make ready to prefer their preferred answers. Raises what `restraints.check` raises."""
    spec = bench.spec
    restraints.check(spec)
    beta = cast(float, spec.hyperparameters.beta)
    rendered = render_pairs(bench.examples, bench.renderer, lines=bench.lines)
    validation = None
    if bench.order.validation_path:
        pairs = render_pairs(Path(bench.order.validation_path), bench.renderer, purpose="validation")
        validation = PreferenceValidation(pairs, beta=beta, seed=spec.seed)

    # Merges with no neighbour, of which TRL would warn.
    end = bench.tokenizer.eos_token or bench.tokenizer.pad_token

    def build(model: PreTrainedModel, callbacks: Sequence[TrainerCallback]) -> Trainer:
        reference = starting_point(bench.base_path, spec) if spec.tuning is Tuning.FULL else None
        trainer = DPOTrainer(
            model=model,
            ref_model=reference,
            # A pair is two conversations in one batch.
            args=DPOConfig(beta=beta, loss_type=["sigmoid"], **arguments(bench, longest=2 * rendered.longest)),
            train_dataset=Dataset.from_dict({"prompt": [end], "chosen": ["a"], "rejected": ["b"]}),
            processing_class=bench.tokenizer,
            peft_config=adapter(spec, model, untouched=restraints.untouched(model, spec.restraints.frozen_share)),
            callbacks=[
                *restraints.callbacks(spec.restraints),
                *([ReferenceFirst(validation, reference)] if validation else []),
                *callbacks,
            ],
        )
        # TRL tokenizes what it is made with, so it was made with a stand-in; ours is tokenized already, masks included.
        trainer.train_dataset = _dataset(rendered)
        trainer.remove_callback(PrinterCallback)
        return trainer

    return Prepared(rendered=rendered, validation=validation, build=build)


def _dataset(rendered: RenderedPairs) -> Dataset:
    """The flat arrays as an in-memory table, without disk caches."""
    columns = {
        name: list_column(column.values, column.offsets)
        for name, column in (
            ("prompt_ids", rendered.prompt_ids),
            ("chosen_ids", rendered.chosen_ids),
            ("rejected_ids", rendered.rejected_ids),
        )
    }
    return Dataset(pyarrow.table(columns))
