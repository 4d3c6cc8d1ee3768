"""Local copies of what lies in a store elsewhere: one a key and state of it, made once and shared by processes."""

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Copies:
    """A directory of copies. A copy of what was written again since is another copy."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get(self, key: str, looks: str, fetch: Callable[[Path], None]) -> Path:
        """The copy of a key whose bytes look like this from outside; `fetch(path)` makes it where there is none."""
        copy = self._directory / f"{_digest(key)}-{_digest(looks)}"
        if copy.exists():
            os.utime(copy)
            return copy
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = copy.with_name(f"{copy.name}.part-{secrets.token_hex(8)}")
        try:
            fetch(part)
            with suppress(OSError):  # another finished the same copy of a directory first
                part.replace(copy)
        finally:
            _remove(part)
        return copy

    def forget(self, key: str) -> None:
        """Delete the copies of a key."""
        for copy in self._directory.glob(f"{_digest(key)}-*"):
            _remove(copy)

    def sweep(self, *, unused_s: float) -> None:
        """Delete the copies that nobody asked for in so many seconds, and what a killed process began."""
        for copy in self._directory.glob("*"):
            try:
                is_old = copy.stat().st_mtime < time.time() - unused_s
            except FileNotFoundError:
                continue
            if is_old:
                _remove(copy)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _remove(copy: Path) -> None:
    if copy.is_dir():
        shutil.rmtree(copy, ignore_errors=True)
    else:
        copy.unlink(missing_ok=True)
