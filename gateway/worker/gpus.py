"""What the GPUs of this machine are doing, as `nvidia-smi` says; a machine without one has none."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

FIELDS = ("index", "name", "driver_version", "utilization.gpu", "memory.used", "memory.total")
TIMEOUT_S = 10.0
MIB = 1024 * 1024


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
