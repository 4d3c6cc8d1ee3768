"""How a process that serves models ends with the one that started it."""

import os
import sys
from contextlib import suppress
from pathlib import Path


def die_with_parent(socket: str) -> None:
    """Wait for the end of standard input, then end at once, whatever the other threads do.

    A parent-death signal would not do, as Linux sends it when the *thread* that started the child ends.
    """
    sys.stdin.read()
    Path(socket).unlink(missing_ok=True)
    with suppress(OSError):  # whoever made the directory may have removed it by now
        Path(socket).parent.rmdir()
    os._exit(0)
