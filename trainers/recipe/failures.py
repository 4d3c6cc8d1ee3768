"""What stops a run, in words that say what to do."""

import errno

import torch
from torch import distributed

from moderation.errors import SealBroken
from trainers.errors import BaseModelError, TrainingFailed
from trainers.types import RunFailure

_DISK_FULL = RunFailure(
    code="disk_full",
    message="The disk of the training machine is full or cannot be written. Ask its administrator to free space, then "
    "create the job again.",
)
_NATIVE_WRITERS = (
    "No space left on device",
    "PytorchStreamWriter failed writing",
    "iostream error",  # torch.save, where the whole file is still in its buffer
    "unexpected pos",  # torch.save, where a part of it was written before
)
"""What writers in native code say of a full disk; they give no errno."""
_GPU_LOST = RunFailure(
    code="gpu_lost",
    message="The GPU of the training machine stopped answering. Create the job again; if it happens again, ask the "
    "operator to look at the machine.",
)
PROCESS_LOST = RunFailure(
    code="process_lost",
    message="One of the processes that trained this run together is gone. Create the job again; if it happens again, "
    "ask the operator to look at the machines.",
)
_OUT_OF_MEMORY = RunFailure(
    code="out_of_memory",
    message="The training machine ran out of memory, also with one example at a time. Create the job again with "
    "shorter examples, or ask its operator for a machine with more memory.",
)


def describe(error: BaseException) -> RunFailure:
    """The failure to report for `error`; unknown ones are named by their type only.

    Their text stays out of it: a library's message may quote training data.
    """
    if isinstance(error, TrainingFailed):
        return RunFailure(code=error.code, message=str(error))
    if isinstance(error, BaseModelError):
        return RunFailure(code="base_model_unusable", message=f"{error}.")
    if isinstance(error, SealBroken):
        return RunFailure(code="training_set_changed", message=f"The training set is not the screened one: {error}.")
    return _of_the_machine(error) or RunFailure(
        code="training_failed",
        message=f"Training stopped with an internal error ({type(error).__name__}). The operator finds where in the "
        "run's trainer.log; create the job again once it is mended.",
    )


def _of_the_machine(error: BaseException) -> RunFailure | None:
    """What the machine lacks; None where it lacks nothing."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error):
        return _OUT_OF_MEMORY
    if isinstance(error, torch.AcceleratorError):
        return _GPU_LOST
    # gloo has no error of its own; its text begins with where in gloo it happened.
    if isinstance(error, distributed.DistError) or "gloo/transport" in str(error):
        return PROCESS_LOST
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or any(words in str(error) for words in _NATIVE_WRITERS):
        return _DISK_FULL
    return None
