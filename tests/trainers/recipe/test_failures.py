"""Every way a run stops is a sentence that says what to do."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from moderation.errors import SealBroken
from trainers.errors import BaseModelError, TrainingFailed
from trainers.recipe import checkpoints
from trainers.recipe.failures import describe
from trainers.run_directory import RunDirectory
from trainers.types import TrainingSpec


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
        (torch.AcceleratorError("CUDA error: unspecified launch failure"), "gpu_lost"),
        (KeyError("a customer's words"), "training_failed"),
    ],
)
def test_an_error_becomes_its_code(error: Exception, code: str) -> None:
    assert describe(error).code == code


def test_an_unknown_error_is_named_without_its_text() -> None:
    message = describe(KeyError("a customer's words")).message
    assert "KeyError" in message
    assert "customer" not in message


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("name", ["optimizer.pt", "trainer_state.json"])
def test_a_disk_that_fills_up_while_a_checkpoint_is_written_fails_the_run_and_is_given_room(
    name: str,
    train: Callable[..., RunDirectory],
    make_spec: Callable[..., TrainingSpec],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none_yet(directory: Path) -> None:
        (directory / "checkpoint-5").mkdir(parents=True)
        (directory / "checkpoint-5" / name).symlink_to("/dev/full")  # every write to it meets the kernel's ENOSPC

    monkeypatch.setattr(checkpoints, "latest", none_yet)
    directory = train(make_spec(n_epochs=1))
    failure = directory.failure()
    assert failure is not None
    assert (failure.code, "free space" in failure.message) == ("disk_full", True)
    assert not directory.checkpoints.exists()
