"""Who trains in a run directory: the process that holds the lock, or one that it handed it to.

An advisory lock (flock) belongs to an open file description, so a child that inherits the descriptor
goes on holding it, and the kernel frees it when the last of them is gone, however it went.
"""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path

_POLL_S = 0.02


def take(path: Path) -> int | None:
    """A new descriptor that holds the lock, to be closed by the caller; None while somebody holds it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def name_holder(lock: int, pid: int) -> None:
    """Write into the lock file who holds it from now on."""
    os.truncate(lock, 0)
    os.pwrite(lock, str(pid).encode(), 0)


def signal_holder(path: Path, number: signal.Signals, *, grace_s: float, marker: str) -> bool:
    """Send a signal to the holder and wait up to `grace_s` seconds; whether the lock is free now.

    `marker` is a text of the holder's command line: a number left over from a dead holder may belong to
    a stranger by now, who is left alone.
    """
    deadline = time.monotonic() + grace_s
    signalled = False
    while not _is_free(path):
        # Again each time round: a process just started has no number here, or no command line, for a moment.
        signalled = signalled or _signal(path, number, marker)
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _signal(path: Path, number: signal.Signals, marker: str) -> bool:
    text = path.read_text(encoding="utf-8")
    if not (text and _runs(int(text), marker)):
        return False
    try:
        os.kill(int(text), number)
    except ProcessLookupError:
        return False
    return True


def _is_free(path: Path) -> bool:
    lock = take(path)
    if lock is None:
        return False
    os.close(lock)
    return True


def _runs(pid: int, marker: str) -> bool:
    if sys.platform != "linux":
        return True
    try:
        return os.fsencode(marker) in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
