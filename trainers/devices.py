"""Which GPUs a run gets: how much memory it needs, what the machine has, and who holds what.

A GPU is held by a lock on a file, which a trainer inherits: it is free again when the last process of the
run is gone, however it went, and other workers of the machine see the same.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
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
NONE_FURTHER = frozenset({"", "-1", "NoDevFiles"})
"""Where CUDA, and what hands GPUs out, stop reading `CUDA_VISIBLE_DEVICES`."""
_SLICE = re.compile(r"MIG \d+g\.(\d+)gb.*\(UUID: (MIG-[^)]+)\)")
"""A part of a divided GPU, as `nvidia-smi -L` lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """A GPU of this machine, or a part of a divided one."""

    index: str
    """`nvidia-smi`'s number, by which people name it; CUDA may count otherwise."""
    uuid: str
    """The same for all: drivers, workers and containers."""
    memory_bytes: int

    @property
    def usable_bytes(self) -> float:
        """What weights, gradients and optimizer may take of it."""
        return self.memory_bytes * USABLE - ACTIVATIONS_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a run asks of the machine."""

    n_gpus: int
    sharded: bool
    """No single GPU holds it: weights, gradients and optimizer are spread over all of them."""
    each_bytes: float
    """What weights, gradients and optimizer take of each of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """GPUs that a run may use for as long as somebody has the descriptors open."""

    gpus: tuple[Gpu, ...]
    locks: tuple[int, ...]

    def close(self) -> None:
        """Let go here; a child that inherited the locks holds on."""
        for lock in self.locks:
            os.close(lock)


def installed(named: str, visible: str | None = None) -> tuple[Gpu, ...]:
    """The GPUs that `named` (`TUNEGATE_LOCAL_DEVICES`) lists, else those of `visible` (`CUDA_VISIBLE_DEVICES`), else
    all, as `nvidia-smi` sees them; none where it is not there.

    Both name GPUs by number or by UUID or how it begins, `0,GPU-8932f937`. Raises `ValueError` for one that the
    machine does not have; of `visible` only where it has any.
    """
    found = tuple(_listed())
    if wanted := [name.strip() for name in named.split(",") if name.strip()]:
        return _matching(wanted, found, "TUNEGATE_LOCAL_DEVICES")
    if visible is None or not found:
        return tuple(gpu for gpu in found if gpu.index)
    names = [name.strip() for name in visible.split(",")]
    end = next((place for place, name in enumerate(names) if name in NONE_FURTHER), len(names))
    return _matching(names[:end], found, "CUDA_VISIBLE_DEVICES")


def _listed() -> Iterator[Gpu]:
    """GPUs with their numbers, then the parts of divided ones, which have none."""
    for line in _driver("--query-gpu=index,uuid,memory.total", "--format=csv,noheader,nounits"):
        index, uuid, mebibytes = (part.strip() for part in line.split(","))
        # A GPU that shares the machine's memory has none of its own to tell.
        own = (
            int(mebibytes) << 20 if mebibytes.isdecimal() else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        )
        yield Gpu(index=index, uuid=uuid, memory_bytes=own)
    for line in _driver("-L"):
        if (part := _SLICE.search(line)) is not None:
            yield Gpu(index="", uuid=part[2], memory_bytes=int(part[1]) * GIB)


def _driver(*asked: str) -> Sequence[str]:
    """What `nvidia-smi` answers, line by line; nothing where it is not there."""
    if not shutil.which("nvidia-smi"):
        return ()
    answer = subprocess.run(["nvidia-smi", *asked], capture_output=True, text=True, check=False, timeout=30)
    return answer.stdout.splitlines() if answer.returncode == 0 else ()


def _matching(names: Sequence[str], found: Sequence[Gpu], variable: str) -> tuple[Gpu, ...]:
    """The GPU of each name, once. Raises `ValueError` where one has none."""
    gpus = {
        name: next((gpu for gpu in found if name == gpu.index or (len(name) > 4 and gpu.uuid.startswith(name))), None)
        for name in names
    }
    missing = [name for name, gpu in gpus.items() if gpu is None]
    if missing:
        has = ", ".join(f"{gpu.index} ({gpu.uuid})" if gpu.index else gpu.uuid for gpu in found) or "none"
        raise ValueError(f"{variable} names GPU {', '.join(missing)}; this machine has {has}")
    return tuple(dict.fromkeys(gpu for gpu in gpus.values() if gpu is not None))


def need(spec: TrainingSpec, weight_bytes: int, gpus: Sequence[Gpu], *, at_least: int = 1) -> Need:
    """How many of `gpus`, which may differ, a run gets, `at_least` so many where the batch can be shared by them.

    `weight_bytes` is the size of the base's safetensors. Processes share a batch evenly, so their number divides
    it, and each takes as much memory as the others. Raises `TrainingFailed` (`model_too_large`) when all of them
    together are too small.
    """
    per_weight = _bytes_per_weight(spec)
    needed = weight_bytes / STORED_BYTES * per_weight
    batch_size = spec.hyperparameters.batch_size
    largest_first = sorted((gpu.usable_bytes for gpu in gpus), reverse=True)
    counts = [n for n in range(1, len(gpus) + 1) if batch_size % n == 0]
    whole = [n for n in counts if needed <= largest_first[n - 1]]
    if whole:
        return Need(n_gpus=max(n for n in whole if n <= at_least), sharded=False, each_bytes=needed)
    holding = [n for n in counts if needed <= n * largest_first[n - 1]]
    if spec.lora.quantised or not holding:
        sizes = sorted({f"{gpu.memory_bytes / GIB:.0f}" for gpu in gpus}, key=int)
        raise TrainingFailed(
            "model_too_large",
            f"Tuning {spec.base.name} needs about {needed / GIB:.0f} GiB of GPU memory, and {len(gpus)} GPUs of "
            f"{' and '.join(sizes)} GiB cannot hold it with a batch_size of {batch_size}. "
            "Choose a smaller base model, or a batch_size that more GPUs can share.",
        )
    n_gpus = max(n for n in holding if n <= max(at_least, min(holding)))
    return Need(n_gpus=n_gpus, sharded=True, each_bytes=needed / n_gpus)


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

    def lease(self, run: str, wanted: Need, is_over: Callable[[str], bool]) -> Lease | None:
        """GPUs for a run whose turn it is, the smallest that are large enough; None while it has to wait.

        `is_over` says who waits no more.
        """
        self._waiting = [one for one in self._waiting if not is_over(one)]
        if run not in self._waiting:
            self._waiting.append(run)
        if self._waiting[0] != run:
            return None
        self._locks.mkdir(parents=True, exist_ok=True)
        held: list[tuple[Gpu, int]] = []
        for gpu in sorted(self.gpus, key=lambda gpu: gpu.memory_bytes):
            if len(held) == wanted.n_gpus or gpu.usable_bytes < wanted.each_bytes:
                continue
            if (lock := take(self._locks / f"{gpu.uuid}.lock")) is not None:
                held.append((gpu, lock))
        lease = Lease(gpus=tuple(gpu for gpu, _ in held), locks=tuple(lock for _, lock in held))
        if len(held) < wanted.n_gpus:
            lease.close()
            return None
        self._waiting.remove(run)
        return lease
