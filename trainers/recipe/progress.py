"""What a run says while it goes on: metrics line by line, checkpoints, and its own end."""

import json
import math
import os
import stat
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from peft import PeftModel
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from trainers.errors import TrainingFailed
from trainers.recipe import checkpoints, ranks
from trainers.recipe.validation import Validating
from trainers.run_directory import RunDirectory
from trainers.types import StepMetrics

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CHECKPOINT_EVERY_S = 60.0
"""A kill loses at most about this much work, however long an epoch is."""
MIN_BETWEEN_EPOCHS_S = 2.0
"""Shorter epochs share a checkpoint, but for the last ones, which are kept: saving takes a tenth of a second."""
MAX_LOG_BYTES = 1 << 20
VALIDATIONS_PER_RUN = 10


class Progress(TrainerCallback):
    """Writes each step's metrics once, whatever the number of resumes, and decides when to save."""

    def __init__(
        self, run: RunDirectory, validation: Validating | None, *, steps_per_epoch: int, clock: Callable[[], float]
    ) -> None:
        self._run = run
        self._validation = validation
        self._steps_per_epoch = steps_per_epoch
        self._clock = clock
        self._saved_at = clock()
        self._last_step = _repair(run)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Write down how the untouched base does on the validation file; a run that goes on did so before."""
        if self._validation is None or state.global_step > 0:
            return
        model = kwargs["model"]
        # A prefix changes the model before the first step.
        with model.disable_adapter() if isinstance(model, PeftModel) else nullcontext():
            score = self._validation.whole(model)
        if state.is_world_process_zero:
            self._run.write("base_validation.json", {"n": len(self._validation), **asdict(score)})

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> TrainerControl:
        """Save at the ends of the last epochs, at those of earlier ones, and when the last checkpoint is old."""
        # One clock for all processes: saving is done by all of them or by none.
        age_s = float(broadcast_object_list([self._clock() - self._saved_at])[0])
        control.should_save = age_s >= CHECKPOINT_EVERY_S
        if state.global_step % self._steps_per_epoch == 0:
            epochs_left = (state.max_steps - state.global_step) // self._steps_per_epoch
            control.should_save |= epochs_left < checkpoints.KEPT_EPOCHS or age_s >= MIN_BETWEEN_EPOCHS_S
        return control

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """All files of the checkpoint are there: mark it, and remove old ones."""
        self._saved_at = self._clock()
        PartialState().wait_for_everyone()  # each process writes its own random state
        if not state.is_world_process_zero:
            return
        checkpoints.mark_complete(self._run.checkpoints, state.global_step)
        checkpoints.prune(self._run.checkpoints, steps_per_epoch=self._steps_per_epoch)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Append the step's line, with validation where it is due.

        Raises `TrainingFailed` when loss or gradient is not a finite number: from there on the weights
        are lost, and no checkpoint of this step is written.
        """
        logs: dict[str, float] = kwargs["logs"]
        if "loss" not in logs:
            return
        step = state.global_step
        if not (math.isfinite(logs["loss"]) and math.isfinite(logs.get("grad_norm", 0.0))):
            raise TrainingFailed(
                "loss_not_finite",
                f"The loss stopped being a finite number at step {step} of {state.max_steps}. Create the job again "
                "with a smaller learning_rate_multiplier.",
            )
        if step <= self._last_step:
            return
        metrics = StepMetrics(
            step=step,
            total_steps=state.max_steps,
            train_loss=logs["loss"],
            train_mean_token_accuracy=logs["mean_token_accuracy"],
            **self._validate(kwargs["model"], step, state.max_steps),
        )
        self._last_step = step
        if not state.is_world_process_zero:
            return
        with self._run.metrics_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(metrics)) + "\n")
        _bound_log()

    def _validate(self, model: "PreTrainedModel", step: int, total_steps: int) -> dict[str, float]:
        if self._validation is None:
            return {}
        values: dict[str, float] = {}
        if step % max(1, total_steps // VALIDATIONS_PER_RUN) == 0 or step == total_steps:
            score = self._validation.sample(model)
            values |= {"valid_loss": score.loss, "valid_mean_token_accuracy": score.token_accuracy}
        if step % self._steps_per_epoch == 0:
            score = self._validation.whole(model)
            values |= {"full_valid_loss": score.loss, "full_valid_mean_token_accuracy": score.token_accuracy}
        return values


def _repair(run: RunDirectory) -> int:
    """Cut off a line that a killed trainer left half written; the last step that was written, or 0."""
    if run.metrics_file.exists() and ranks.first():
        data = run.metrics_file.read_bytes()
        os.truncate(run.metrics_file, data.rfind(b"\n") + 1)
    metrics = run.metrics()
    return metrics[-1].step if metrics else 0


def _bound_log() -> None:
    """Empty the log (our stderr, opened for appending) when libraries have filled it."""
    log = os.fstat(2)
    if stat.S_ISREG(log.st_mode) and log.st_size > MAX_LOG_BYTES:
        os.ftruncate(2, 0)
