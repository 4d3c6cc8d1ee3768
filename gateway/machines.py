"""Which machine this is, to processes that reach each other through Unix sockets in a directory that they share."""

import hashlib
import platform
from pathlib import Path

BOOT = Path("/proc/sys/kernel/random/boot_id")


def machine(sockets: Path) -> str:
    """A name for this machine as seen through a directory of sockets; 16 hexadecimal digits.

    Containers that mount one volume there have one name, and two pods of a node have two: a path alone would be the
    same in both, and lead nowhere.
    """
    boot = BOOT.read_text() if BOOT.exists() else platform.node()
    found = sockets.stat()
    return hashlib.sha256(f"{boot.strip()} {found.st_dev} {found.st_ino}".encode()).hexdigest()[:16]
