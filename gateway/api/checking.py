"""Training files that are checked while they arrive, each in a process of its own, so that no worker has to."""

import json
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.store.blobs import BlobInfo

logger = logging.getLogger(__name__)
COMMAND = (sys.executable, "-m", "moderation.formats.checking")
BEGIN_BYTES = 4 << 20
"""A smaller file is checked faster than a process starts."""
PIPE_BYTES = 1 << 20
"""What a pipe holds: with the usual 64 KiB each end waits for the other."""
AHEAD_BYTES, PAUSE_S = 32 << 20, 0.002
"""How far a file may be written beyond what was checked of it, and how often one that waits for that looks again."""
PATIENCE_S, MIN_BYTES_PER_S = 2.0, 64 << 20
"""How long a check may hold up its upload, beyond what a fast one takes; then the file is left to a worker."""
END_S = 60.0


@dataclass(frozen=True, slots=True)
class Checks:
    """Room for as many checks at once as there are processors; files beyond are left to the workers."""

    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(os.cpu_count() or 1))

    def begin(self, path: Path | None = None) -> "Check":
        """A check of a file of which nothing has come yet. It is read where it is written, if that is on a disk."""
        return Check(self.room, path)


class Check:
    """A check of one file. Its methods block, and are called one after the other, `stop` at the end."""

    def __init__(self, room: threading.Semaphore, path: Path | None) -> None:
        self._room = room
        self._path = path
        self._fd: int | None = None
        self._kept: list[bytes] = []
        self._n_fed = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._behind_s = 0.0
        self._over = False

    def feed(self, data: bytes) -> None:
        """Pass on the next bytes of the file, which are written already where the check reads them itself."""
        if self._over:
            return
        self._n_fed += len(data)
        if self._process is None:
            if self._path is None:
                self._kept.append(data)
            if self._n_fed < BEGIN_BYTES:
                return
            data = b"".join(self._kept)
            self._kept.clear()
            self._process = self._started()
            self._over = self._process is None
        if self._process is None:
            return
        began = time.monotonic()
        try:
            self._pass_on(self._process, data)
        except BrokenPipeError:
            self.stop()
        self._behind_s += time.monotonic() - began - len(data) / MIN_BYTES_PER_S
        if self._behind_s > PATIENCE_S:
            self.stop()

    def _pass_on(self, process: "subprocess.Popen[bytes]", data: bytes) -> None:
        """Pass bytes on, or word of them, and wait for a check that is far behind. Raises `BrokenPipeError`."""
        assert process.stdin is not None
        process.stdin.write(data if self._fd is None else b".")
        if self._fd is None:
            return
        process.stdin.flush()
        give_up = time.monotonic() + PATIENCE_S
        # The child's descriptor is ours: where it reads is seen here.
        while self._n_fed - os.lseek(self._fd, 0, os.SEEK_CUR) > AHEAD_BYTES and time.monotonic() < give_up:
            if process.poll() is not None:
                raise BrokenPipeError
            time.sleep(PAUSE_S)

    def _started(self) -> "subprocess.Popen[bytes] | None":
        if not self._room.acquire(blocking=False):
            return None
        try:
            if self._path is not None:
                self._fd = os.open(self._path, os.O_RDONLY)
            fds = [] if self._fd is None else [self._fd]
            return subprocess.Popen(
                [*COMMAND, *map(str, fds)],
                pass_fds=fds,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pipesize=PIPE_BYTES,
            )
        except OSError as error:
            logger.warning("a training file is left to a worker: no process could be started (%s)", error.strerror)
            self._room.release()
            self._close()
            return None

    def result(self, blob: BlobInfo) -> dict[str, Any] | None:
        """What a worker need not find out any more of the file that was stored; None when it has to."""
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
        return facts | {"digest": f"sha256:{blob.sha256}"} if facts["n_bytes"] == blob.bytes else None

    def stop(self) -> None:
        """End the check, whatever it found."""
        self._kept.clear()
        if self._process is not None and not self._over:
            self._process.kill()
            self._process.communicate()
            self._room.release()
        self._over = True
        self._close()

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
