"""Which GPUs a run gets, on machines that are not there."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainers.devices import GIB, Gpu, Need, Queue, installed, need
from trainers.errors import TrainingFailed
from trainers.run_lock import take
from trainers.types import Hyperparameters, LoraSpec, Method, TrainingSpec, Tuning

GPUS = tuple(Gpu(index=str(i), uuid=f"GPU-{i}a", memory_bytes=80 * GIB) for i in range(4))
SMALL = Gpu(index="4", uuid="GPU-4a", memory_bytes=24 * GIB)
ONE = Need(n_gpus=1, sharded=False, each_bytes=GIB)
SIZE_8B, SIZE_70B = 16 * GIB, 140 * GIB
"""Of the weights on disk."""


def spec_of(make_spec: Callable[..., TrainingSpec], tuning: Tuning, batch_size: int, **lora: bool) -> TrainingSpec:
    numbers = Hyperparameters(n_epochs=1, batch_size=batch_size, learning_rate_multiplier=1.0)
    return make_spec(tuning, hyperparameters=numbers, lora=LoraSpec(**lora))


@pytest.mark.parametrize(
    ("tuning", "size", "batch_size", "at_least", "expected"),
    [
        (Tuning.LORA, SIZE_8B, 8, 1, (1, False)),
        (Tuning.LORA, SIZE_8B, 8, 3, (2, False)),
        (Tuning.LORA, SIZE_8B, 1, 4, (1, False)),
        (Tuning.FULL, SIZE_8B, 8, 1, (2, True)),
        (Tuning.FULL, SIZE_8B, 8, 4, (4, True)),
        (Tuning.LORA, SIZE_70B, 6, 1, (3, True)),
    ],
)
def test_a_run_gets_the_gpus_that_hold_it_and_share_its_batch(
    make_spec: Callable[..., TrainingSpec],
    tuning: Tuning,
    size: int,
    batch_size: int,
    at_least: int,
    expected: tuple[int, bool],
) -> None:
    for gpus in (GPUS, (SMALL, *GPUS)):
        wanted = need(spec_of(make_spec, tuning, batch_size), size, gpus, at_least=at_least)
        assert (wanted.n_gpus, wanted.sharded) == expected


def test_a_large_model_gets_the_large_gpu_of_a_mixed_machine_and_a_small_one_leaves_it_free(
    make_spec: Callable[..., TrainingSpec], tmp_path: Path
) -> None:
    mixed = (SMALL, GPUS[0])
    for size, expected in ((2 * SIZE_8B, GPUS[0]), (SIZE_8B // 4, SMALL)):
        wanted = need(spec_of(make_spec, Tuning.LORA, 8), size, mixed)
        lease = Queue(mixed, tmp_path).lease("run", wanted, set().__contains__)
        assert lease is not None
        assert lease.gpus == (expected,)
        lease.close()
    with pytest.raises(TrainingFailed, match="2 GPUs of 24 and 80 GiB"):
        need(spec_of(make_spec, Tuning.LORA, 8), SIZE_70B, mixed)


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
    first = queue.lease("first", ONE, over.__contains__)
    assert first is not None
    assert queue.lease("large", replace(ONE, n_gpus=2), over.__contains__) is None
    assert queue.lease("small", ONE, over.__contains__) is None
    over.add("large")
    small = queue.lease("small", ONE, over.__contains__)
    assert small is not None
    assert {gpu.index for gpu in first.gpus + small.gpus} == {"0", "1"}
    first.close()
    small.close()
    large = queue.lease("large", replace(ONE, n_gpus=2), set().__contains__)
    assert large is not None
    large.close()


def test_another_workers_gpu_is_not_taken(tmp_path: Path) -> None:
    theirs = Queue(GPUS[:1], tmp_path).lease("a", ONE, set().__contains__)
    ours = Queue(GPUS[:1], tmp_path)
    assert ours.lease("b", ONE, set().__contains__) is None
    assert theirs is not None
    theirs.close()
    lease = ours.lease("b", ONE, set().__contains__)
    assert lease is not None
    assert take(tmp_path / "GPU-0a.lock") is None
    lease.close()


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `nvidia-smi` that lists two GPUs, of which one shares the machine's memory, and a slice."""
    monkeypatch.setenv("PATH", str(tmp_path))
    sliced = "  MIG 3g.20gb     Device  0: (UUID: MIG-7c)"
    listed = "0, GPU-0a, 81920\\n1, GPU-1a, [N/A]\\n"
    path = tmp_path / "nvidia-smi"
    path.write_text(f"#!/bin/sh\n[ \"$1\" = -L ] && echo '{sliced}' || printf '{listed}'\n")
    return path


def test_gpus_are_those_that_the_driver_lists(driver: Path) -> None:
    assert installed("", "0") == ()
    driver.chmod(0o755)
    everything = installed("")
    assert (everything[0], [gpu.uuid for gpu in everything]) == (GPUS[0], ["GPU-0a", "GPU-1a"])
    assert everything[1].memory_bytes > 0
    with pytest.raises(ValueError, match=r"TUNEGATE_LOCAL_DEVICES names GPU 7; this machine has 0 \(GPU-0a\)"):
        installed("0,7")


@pytest.mark.parametrize(
    ("named", "visible", "expected"),
    [
        ("1", "0", ["GPU-1a"]),
        ("", "GPU-1a,GPU-0", ["GPU-1a", "GPU-0a"]),
        ("", "MIG-7c", ["MIG-7c"]),
        ("", "1,-1,0", ["GPU-1a"]),
        ("", "", []),
    ],
)
def test_gpus_are_named_by_number_or_uuid(driver: Path, named: str, visible: str, expected: list[str]) -> None:
    driver.chmod(0o755)
    assert [gpu.uuid for gpu in installed(named, visible)] == expected
    with pytest.raises(ValueError, match="CUDA_VISIBLE_DEVICES names GPU GPU-9"):
        installed("", "GPU-9")
