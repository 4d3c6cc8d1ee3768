"""Training files that are checked while they arrive, each in a process of its own, so that no worker has to."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

logger = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "moderation.formats.checking")
BEGIN_BYTES = 4 << 20
"""A smaller file is checked faster than a process starts."""
PIPE_BYTES = 1 << 20
"""What a pipe holds: with the usual 64 KiB each end waits for the other."""
PATIENCE_S, MIN_BYTES_PER_S = 2.0, 64 << 20
"""How long a check may hold up its upload, beyond what a fast one takes; then the file is left to a worker."""
END_S = 60.0


@dataclass(frozen=True, slots=True)
class Checks:
    """Room for as many checks at once as there are processors; files beyond are left to the workers."""

    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(os.cpu_count() or 1))

    def begin(self) -> "Check":
        """A check of a file of which nothing has come yet."""
        return Check(self.room)


class Check:
    """A check of one file. Its methods block, and are called one after the other, `stop` at the end."""

    def __init__(self, room: threading.Semaphore) -> None:
        self._room = room
        self._kept: list[bytes] = []
        self._n_kept = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._behind_s = 0.0
        self._over = False

    def feed(self, data: bytes) -> None:
        """Pass on the next bytes of the file."""
        if self._over:
            return
        if self._process is None:
            self._kept.append(data)
            self._n_kept += len(data)
            if self._n_kept < BEGIN_BYTES:
                return
            data = b"".join(self._kept)
            self._kept.clear()
            self._process = self._started()
            self._over = self._process is None
        if self._process is None or self._process.stdin is None:
            return
        began = time.monotonic()
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            self.stop()
        self._behind_s += time.monotonic() - began - len(data) / MIN_BYTES_PER_S
        if self._behind_s > PATIENCE_S:
            self.stop()

    def _started(self) -> "subprocess.Popen[bytes] | None":
        if not self._room.acquire(blocking=False):
            return None
        try:
            return subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pipesize=PIPE_BYTES,
            )
        except OSError as error:
            logger.warning("a training file is left to a worker: no process could be started (%s)", error.strerror)
            self._room.release()
            return None

    def result(self, sha256: str) -> dict[str, Any] | None:
        """What a worker need not find out any more of the file of that digest; None when it has to."""
        if self._over or self._process is None:
            return None
        try:
            said, _ = self._process.communicate(timeout=END_S)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self.stop()
        if self._process.returncode != 0:
            return None
        facts: dict[str, Any] = json.loads(said)
        return facts if facts["digest"] == f"sha256:{sha256}" else None

    def stop(self) -> None:
        """End the check, whatever it found."""
        self._kept.clear()
        if self._process is not None and not self._over:
            self._process.kill()
            self._process.communicate()
            self._room.release()
        self._over = True
