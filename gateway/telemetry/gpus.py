"""What the GPUs of this machine are doing, as `nvidia-smi` says; a machine without one has none."""

import logging
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.telemetry.exposition import Labels, family

FIELDS = ("index", "name", "driver_version", "utilization.gpu", "memory.used", "memory.total")
TIMEOUT_S = 10.0
MIB = 1024 * 1024

logger = logging.getLogger(__name__)


class GpusUnreadable(OSError):
    """There is a driver, and it does not answer; the message says what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU at one moment."""

    index: str
    name: str
    driver: str
    use: float | None
    """Share of the last moments in which it computed, in [0, 1]; None where it does not say (MIG)."""
    used_bytes: int | None
    total_bytes: int | None


GAUGES: Sequence[tuple[str, str, Callable[[Gpu], float | None]]] = (
    ("tunegate_gpu_utilization", "Share of time in which a GPU computed, 0 to 1.", lambda gpu: gpu.use),
    ("tunegate_gpu_memory_used_bytes", "Memory of a GPU in use.", lambda gpu: gpu.used_bytes),
    ("tunegate_gpu_memory_bytes", "Memory of a GPU.", lambda gpu: gpu.total_bytes),
)


def look() -> tuple[Gpu, ...]:
    """The GPUs, none where there is no driver. Takes up to seconds. Raises `GpusUnreadable`."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    asked = [program, f"--query-gpu={','.join(FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(asked, capture_output=True, text=True, timeout=TIMEOUT_S, check=True).stdout
    except subprocess.CalledProcessError as exc:
        words = (exc.stdout or exc.stderr or "").strip() or f"exit status {exc.returncode}"
        raise GpusUnreadable(f"nvidia-smi fails: {words[:200]}") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise GpusUnreadable(f"nvidia-smi fails: {exc}") from exc
    return read(said)


def gauges(look: Callable[[], Sequence[Gpu]] = look) -> Sequence[str]:
    """The GPUs' metrics as lines of text, without what one does not say; none where they cannot be read."""
    try:
        gpus = look()
    except GpusUnreadable as error:
        logger.warning("%s", error)
        gpus = ()
    lines: list[str] = []
    for name, help, value_of in GAUGES:
        said: dict[Labels, float] = {
            (("gpu", gpu.index), ("name", gpu.name)): value for gpu in gpus if (value := value_of(gpu)) is not None
        }
        lines += family(name, "gauge", help, said)
    return lines


def read(said: str) -> tuple[Gpu, ...]:
    """The GPUs of `nvidia-smi`'s CSV. Raises `GpusUnreadable` for a line with other columns."""
    return tuple(_gpu([value.strip() for value in line.split(",")]) for line in said.splitlines() if line.strip())


def _gpu(values: Sequence[str]) -> Gpu:
    if len(values) != len(FIELDS):
        raise GpusUnreadable(f"nvidia-smi answered with {len(values)} columns in place of {len(FIELDS)}")
    index, name, driver, use, used, total = values
    percent, used_mib, total_mib = (float(value) if value.isdigit() else None for value in (use, used, total))
    return Gpu(
        index=index,
        name=name,
        driver=driver,
        use=None if percent is None else percent / 100,
        used_bytes=None if used_mib is None else int(used_mib * MIB),
        total_bytes=None if total_mib is None else int(total_mib * MIB),
    )
