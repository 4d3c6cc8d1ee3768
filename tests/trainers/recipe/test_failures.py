"""Every way a run stops is a sentence that says what to do."""

import errno

import pytest
import torch

from moderation.errors import SealBroken
from trainers.errors import BaseModelError, TrainingFailed
from trainers.recipe.failures import describe


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TrainingFailed("loss_not_finite", "words"), "loss_not_finite"),
        (BaseModelError("words"), "base_model_unusable"),
        (SealBroken("words"), "training_set_changed"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 1 byte"), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (RuntimeError("[enforce fail] PytorchStreamWriter failed writing file data/1"), "disk_full"),
        (RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:4711"), "process_lost"),
        (torch.distributed.DistBackendError("NCCL error"), "process_lost"),
        (KeyError("a customer's words"), "training_failed"),
    ],
)
def test_an_error_becomes_its_code(error: Exception, code: str) -> None:
    assert describe(error).code == code


def test_an_unknown_error_is_named_without_its_text() -> None:
    message = describe(KeyError("a customer's words")).message
    assert "KeyError" in message
    assert "customer" not in message
