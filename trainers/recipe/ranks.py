"""One run on several processes: what each of them must know.

Without sharding every process holds the whole model and sees a share of each batch (DDP); sharded, each
holds a part of the weights, gradients and optimizer (FSDP 2). The environment says which, as torchrun
writes it; a run of one process has none of it.
"""

import os
from typing import Any

import torch

from trainers.errors import TrainingFailed

PROCESSES = "TUNEGATE_RUN_PROCESSES"
"""How many processes the backend wants, one a GPU; absent for one."""
GPUS = "TUNEGATE_RUN_GPUS"
"""How many GPUs the run was given; absent on a machine without."""
SHARDED = "TUNEGATE_RUN_SHARDED"
"""`1` where no single GPU holds the model."""
AGAIN = 75
"""Exit status of a process that wants the whole run to be started anew (EX_TEMPFAIL)."""


def wanted() -> int:
    """Processes that the backend asked for; 1 in a process that was started as one of them."""
    return 1 if "RANK" in os.environ else int(os.environ.get(PROCESSES, "1"))


def count() -> int:
    """Processes of this run."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def number() -> int:
    """Which of them this process is, from 0."""
    return int(os.environ.get("RANK", "0"))


def first() -> bool:
    """Whether this process is the one that writes."""
    return number() == 0


def check_gpus() -> None:
    """Raise `TrainingFailed` (`gpu_lost`) when there are fewer GPUs than the backend gave to this run."""
    given = int(os.environ.get(GPUS, "0"))
    found = torch.cuda.device_count() if given else 0
    if found < given:
        raise TrainingFailed(
            "gpu_lost",
            f"{found} of the run's {given} GPUs answer. Create the job again; if it happens again, ask the operator to "
            "look at the training machine.",
        )


def arguments(*, whole_model: bool) -> dict[str, Any]:
    """What a trainer must be told where several processes train; empty for one.

    `whole_model`: every weight moves, so that every process meets every parameter in each step.
    """
    if count() == 1:
        return {}
    if os.environ.get(SHARDED) == "1":
        return {"fsdp": True, "fsdp_config": {"version": 2, "state_dict_type": "FULL_STATE_DICT"}}
    return {"ddp_find_unused_parameters": not whole_model, "ddp_backend": None if torch.cuda.is_available() else "gloo"}
