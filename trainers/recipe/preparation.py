"""What the methods have in common: how a run is prepared, and how its optimizer is set.

AdamW with weight decay 0 as in the paper's runs, a constant learning rate without warm-up: the sets
that matter here are small (ten rows and five epochs are five steps), and a decay would spend half of
them below the rate that was asked for. Gradients are clipped at norm 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow  # type: ignore[import-untyped]
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer, TrainerCallback

from trainers.bases import weight_bytes
from trainers.recipe import memory, ranks
from trainers.recipe.validation import Validating
from trainers.rendering import Renderer
from trainers.run_directory import Order, RunDirectory
from trainers.spec import learning_rate
from trainers.tally import Tally
from trainers.types import TrainingSpec, Tuning

CHECKPOINTED_FROM_BYTES = 400_000_000
"""Weights from which activations are recomputed instead of kept (about 100 M float32 parameters)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a method works with."""

    run: RunDirectory
    order: Order
    examples: Path
    """The sealed training set's rows."""
    lines: Sequence[int]
    """The customer's line of each row, 0 for one of ours."""
    base_path: Path
    tokenizer: PreTrainedTokenizerBase
    renderer: Renderer

    @property
    def spec(self) -> TrainingSpec:
        """What to do."""
        return self.order.spec


class Rendered(Protocol):
    """Examples as token ids, whatever the method."""

    tally: Tally
    longest: int

    def __len__(self) -> int:
        """How many examples are trained on."""

    @property
    def n_tokens(self) -> int:
        """Tokens of one epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that is ready to go."""

    rendered: Rendered
    validation: Validating | None
    build: Callable[[PreTrainedModel, Sequence[TrainerCallback]], Trainer]
    """Make the trainer of a model that the run moves on from, with callbacks that hear of each step."""


def steps_per_epoch(spec: TrainingSpec, rendered: Rendered) -> int:
    """Optimizer steps an epoch; the last batch of an epoch may be smaller."""
    return -(-len(rendered) // spec.hyperparameters.batch_size)


def arguments(bench: Bench, *, longest: int) -> dict[str, Any]:
    """Arguments of a TRL trainer that every method has. `longest` is the most tokens one example costs."""
    spec = bench.spec
    batch_size = spec.hyperparameters.batch_size
    n_processes = ranks.count()
    micro = memory.micro_batch(bench.run, batch_size, longest, n_processes=n_processes)
    # By every process: on a cluster each has a directory of its own, and halves what it finds there.
    bench.run.write_micro_batch(micro)
    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(bench.run.checkpoints),
        "num_train_epochs": spec.hyperparameters.n_epochs,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": batch_size // (micro * n_processes),
        "learning_rate": learning_rate(spec),
        "lr_scheduler_type": "constant",
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "seed": spec.seed % 2**32,
        "use_cpu": not on_gpu,
        "bf16": on_gpu,
        # Recomputing forgets the cache, and a prefix lives in it.
        "activation_checkpointing": spec.tuning is not Tuning.PREFIX
        and weight_bytes(bench.base_path) >= CHECKPOINTED_FROM_BYTES,
        "dataloader_pin_memory": on_gpu,
        "max_length": None,
        "logging_steps": 1,
        # Else a loss that is not a number would be replaced by the mean of those before.
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        **ranks.arguments(whole_model=spec.tuning is Tuning.FULL),
    }


def list_column(values: Any, offsets: Any) -> "pyarrow.LargeListArray":
    """Flat arrays (`i` and `q`) as one column of lists, without a copy of each example."""
    starts = pyarrow.array(np.frombuffer(offsets, dtype=np.int64))
    return pyarrow.LargeListArray.from_arrays(starts, pyarrow.array(np.frombuffer(values, dtype=np.int32)))
