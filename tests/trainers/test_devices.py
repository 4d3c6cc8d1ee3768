"""Which GPUs a run gets, on machines that are not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainers.devices import GIB, Gpu, Need, Queue, installed, need
from trainers.errors import TrainingFailed
from trainers.run_lock import take
from trainers.types import Hyperparameters, LoraSpec, Method, TrainingSpec, Tuning

GPUS = tuple(Gpu(index=str(i), memory_bytes=80 * GIB) for i in range(4))
SIZE_8B, SIZE_70B = 16 * GIB, 140 * GIB
"""Of the weights on disk."""


def spec_of(make_spec: Callable[..., TrainingSpec], tuning: Tuning, batch_size: int, **lora: bool) -> TrainingSpec:
    numbers = Hyperparameters(n_epochs=1, batch_size=batch_size, learning_rate_multiplier=1.0)
    return make_spec(tuning, hyperparameters=numbers, lora=LoraSpec(**lora))


@pytest.mark.parametrize(
    ("tuning", "size", "batch_size", "at_least", "expected"),
    [
        (Tuning.LORA, SIZE_8B, 8, 1, Need(n_gpus=1, sharded=False)),
        (Tuning.LORA, SIZE_8B, 8, 3, Need(n_gpus=2, sharded=False)),
        (Tuning.LORA, SIZE_8B, 1, 4, Need(n_gpus=1, sharded=False)),
        (Tuning.FULL, SIZE_8B, 8, 1, Need(n_gpus=2, sharded=True)),
        (Tuning.FULL, SIZE_8B, 8, 4, Need(n_gpus=4, sharded=True)),
        (Tuning.LORA, SIZE_70B, 6, 1, Need(n_gpus=3, sharded=True)),
    ],
)
def test_a_run_gets_the_gpus_that_hold_it_and_share_its_batch(
    make_spec: Callable[..., TrainingSpec], tuning: Tuning, size: int, batch_size: int, at_least: int, expected: Need
) -> None:
    assert need(spec_of(make_spec, tuning, batch_size), size, GPUS, at_least=at_least) == expected


def test_a_preference_run_of_the_whole_model_has_room_for_its_reference(make_spec: Callable[..., TrainingSpec]) -> None:
    spec = spec_of(make_spec, Tuning.FULL, 1)
    with pytest.raises(TrainingFailed, match="128 GiB of GPU memory"):
        need(spec, SIZE_8B, GPUS)
    with pytest.raises(TrainingFailed, match="160 GiB of GPU memory"):
        need(replace(spec, method=Method.DPO), SIZE_8B, GPUS)


def test_four_bits_fit_where_sixteen_do_not(make_spec: Callable[..., TrainingSpec]) -> None:
    assert need(spec_of(make_spec, Tuning.LORA, 1, quantised=True), SIZE_70B, GPUS).n_gpus == 1
    with pytest.raises(TrainingFailed, match="154 GiB of GPU memory") as refused:
        need(spec_of(make_spec, Tuning.LORA, 1), SIZE_70B, GPUS)
    assert refused.value.code == "model_too_large"


def test_a_large_run_is_not_passed_by_small_ones_and_those_that_are_over_wait_no_more(tmp_path: Path) -> None:
    queue, over = Queue(GPUS[:2], tmp_path / "locks"), set[str]()
    first = queue.lease("first", 1, over.__contains__)
    assert first is not None
    assert queue.lease("large", 2, over.__contains__) is None
    assert queue.lease("small", 1, over.__contains__) is None
    over.add("large")
    small = queue.lease("small", 1, over.__contains__)
    assert small is not None
    assert {gpu.index for gpu in first.gpus + small.gpus} == {"0", "1"}
    first.close()
    small.close()
    large = queue.lease("large", 2, set().__contains__)
    assert large is not None
    large.close()


def test_another_workers_gpu_is_not_taken(tmp_path: Path) -> None:
    theirs = Queue(GPUS[:1], tmp_path).lease("a", 1, set().__contains__)
    ours = Queue(GPUS[:1], tmp_path)
    assert ours.lease("b", 1, set().__contains__) is None
    assert theirs is not None
    theirs.close()
    lease = ours.lease("b", 1, set().__contains__)
    assert lease is not None
    assert take(tmp_path / "gpu-0.lock") is None
    lease.close()


def test_gpus_are_those_that_the_driver_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert installed("") == ()
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\nprintf '0, 81920\\n1, 40960\\n'\n")
    driver.chmod(0o755)
    assert installed("") == (GPUS[0], replace(GPUS[1], memory_bytes=40 * GIB))
    assert [gpu.index for gpu in installed("1")] == ["1"]
    with pytest.raises(ValueError, match="TUNEGATE_LOCAL_DEVICES names GPU 7; this machine has 0, 1"):
        installed("0,7")
