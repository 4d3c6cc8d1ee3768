"""What every process that the supervisor starts does first: end when it ends, and be the only one of its name."""

import ctypes
import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO

from gateway.errors import SettingsError
from gateway.settings import own_directory

PR_SET_PDEATHSIG = 1
LOCK_PATIENCE_S = 30.0
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of `mallopt`'s parameters."""
BUFFER_BYTES = 8 << 20
KEPT_BYTES = 16 << 20
"""How much freed memory a process keeps at most."""


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that ends. Linux only.

    The parent must have started this process from its main thread.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the line above
        sys.exit(1)


def keep_buffers() -> None:
    """Have the allocator keep what large buffers leave free: pages fetched anew from the kernel cost most of an upload.

    Does something with glibc only.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, BUFFER_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def hold(path: Path, what: str, mend: str) -> IO[bytes]:
    """Lock a file for as long as this process lives, waiting a while for one that is just ending.

    `what` the process is, and the `mend` if there is one already, go into the error.

    Raises `SettingsError` when another process keeps it, or it cannot be written.
    """
    own_directory(path.parent)
    try:
        lock = path.open("ab")
    except OSError as exc:
        raise SettingsError(f"{path} cannot be written ({exc.strerror}); let its directory be this user's") from exc
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() > deadline:
                lock.close()
                raise SettingsError(f"another process is {what} already (it holds {path}); stop it, or {mend}") from exc
            time.sleep(0.1)
        else:
            return lock
