"""Which GPUs a run gets: how much memory it needs, what the machine has, and who holds what.

A GPU is held by a lock on a file, which a trainer inherits: it is free again when the last process of the
run is gone, however it went, and other workers of the machine see the same.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainers.errors import TrainingFailed
from trainers.run_lock import take
from trainers.types import Method, TrainingSpec, Tuning

GIB = 1 << 30
USABLE = 0.9
"""Share of a GPU's memory that may be planned with; the rest is the driver's and fragmentation."""
ACTIVATIONS_BYTES = 4 * GIB
"""Beside the weights, for activations and logits of one micro-batch, recomputed layer by layer."""
STORED_BYTES = 2
"""Of a weight on disk, in 16 bits."""
FULL_BYTES = 16
"""Of a weight that moves: itself, its gradient and Adam's two moments, in float32."""
REFERENCE_BYTES = 4
"""Of a weight of the second copy that a preference run of the whole model is measured against, in float32."""
ADAPTED_BYTES = 2.2
"""Of a weight under a LoRA, with the adapter's own share."""
QUANTISED_BYTES = 0.8
"""Of a weight in 4 bits under a LoRA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU of this machine."""

    index: str
    """As `CUDA_VISIBLE_DEVICES` names it."""
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a run asks of the machine."""

    n_gpus: int
    sharded: bool
    """No single GPU holds it: weights, gradients and optimizer are spread over all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """GPUs that a run may use for as long as somebody has the descriptors open."""

    gpus: tuple[Gpu, ...]
    locks: tuple[int, ...]

    def close(self) -> None:
        """Let go here; a child that inherited the locks holds on."""
        for lock in self.locks:
            os.close(lock)


def installed(named: str) -> tuple[Gpu, ...]:
    """The GPUs that `named` lists (`0,2`; empty for all), as `nvidia-smi` sees them; none where it is not there.

    Raises `ValueError` for one that the machine does not have.
    """
    found: dict[str, Gpu] = {}
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=index,memory.total", "--format=csv,noheader,nounits"]
        answer = subprocess.run(query, capture_output=True, text=True, check=False, timeout=30)
        for line in answer.stdout.splitlines() if answer.returncode == 0 else ():
            index, mebibytes = (part.strip() for part in line.split(","))
            found[index] = Gpu(index=index, memory_bytes=int(mebibytes) << 20)
    wanted = [index.strip() for index in named.split(",") if index.strip()]
    missing = [index for index in wanted if index not in found]
    if missing:
        has = ", ".join(found) or "none"
        raise ValueError(f"TUNEGATE_LOCAL_DEVICES names GPU {', '.join(missing)}; this machine has {has}")
    return tuple(found[index] for index in wanted) if wanted else tuple(found.values())


def need(spec: TrainingSpec, weight_bytes: int, gpus: Sequence[Gpu], *, at_least: int = 1) -> Need:
    """How many of `gpus` a run gets, `at_least` so many where the batch can be shared by them.

    `weight_bytes` is the size of the base's safetensors. Processes share a batch evenly, so their number divides
    it. Raises `TrainingFailed` (`model_too_large`) when all of them together are too small.
    """
    per_weight = _bytes_per_weight(spec)
    needed = weight_bytes / STORED_BYTES * per_weight
    smallest = min(gpu.memory_bytes for gpu in gpus) * USABLE - ACTIVATIONS_BYTES
    batch_size = spec.hyperparameters.batch_size
    counts = [n for n in range(1, len(gpus) + 1) if batch_size % n == 0]
    if needed <= smallest:
        return Need(n_gpus=max(n for n in counts if n <= at_least), sharded=False)
    holding = [n for n in counts if needed <= n * smallest]
    if spec.lora.quantised or not holding:
        raise TrainingFailed(
            "model_too_large",
            f"Tuning {spec.base.name} needs about {needed / GIB:.0f} GiB of GPU memory, and {len(gpus)} GPUs of "
            f"{min(gpu.memory_bytes for gpu in gpus) / GIB:.0f} GiB cannot hold it with a batch_size of {batch_size}. "
            "Choose a smaller base model, or a batch_size that more GPUs can share.",
        )
    return Need(n_gpus=max(n for n in counts if n <= max(at_least, min(holding))), sharded=True)


def _bytes_per_weight(spec: TrainingSpec) -> float:
    if spec.tuning is Tuning.FULL:
        return FULL_BYTES + (REFERENCE_BYTES if spec.method is Method.DPO else 0)
    return QUANTISED_BYTES if spec.lora.quantised else ADAPTED_BYTES


class Queue:
    """Runs that wait for GPUs, first come, first served: a large run is not passed by small ones for ever."""

    def __init__(self, gpus: Sequence[Gpu], locks: Path) -> None:
        self.gpus = tuple(gpus)
        self._locks = locks
        self._waiting: list[str] = []

    def lease(self, run: str, n_gpus: int, is_over: Callable[[str], bool]) -> Lease | None:
        """`n_gpus` GPUs for a run whose turn it is; None while it has to wait. `is_over` says who waits no more."""
        self._waiting = [one for one in self._waiting if not is_over(one)]
        if run not in self._waiting:
            self._waiting.append(run)
        if self._waiting[0] != run:
            return None
        self._locks.mkdir(parents=True, exist_ok=True)
        held: list[tuple[Gpu, int]] = []
        for gpu in self.gpus:
            if len(held) < n_gpus and (lock := take(self._locks / f"gpu-{gpu.index}.lock")) is not None:
                held.append((gpu, lock))
        lease = Lease(gpus=tuple(gpu for gpu, _ in held), locks=tuple(lock for _, lock in held))
        if len(held) < n_gpus:
            lease.close()
            return None
        self._waiting.remove(run)
        return lease
