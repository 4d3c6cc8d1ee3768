"""Entry of the training subprocess: first the bond to its parent, then everything heavy."""

import ctypes
import gc
import importlib
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
"""From Linux's <sys/prctl.h>."""


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel kill this process when the one that started it dies (Linux; nothing elsewhere)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the call above; then nobody would ever send the signal.
    if os.getppid() != parent_pid:
        raise SystemExit("the process that started this trainer is gone; its backend will start it again")


if __name__ == "__main__":
    die_with_parent(int(sys.argv[2]))
    # torch takes seconds to import; the bond to the parent must not wait for it.
    gc.disable()  # nothing that is imported is ever garbage, and looking for it takes a sixth of the time
    ranks = importlib.import_module("trainers.recipe.ranks")
    n_processes = ranks.wanted()
    started = importlib.import_module("trainers.recipe.run" if n_processes == 1 else "trainers.recipe.launching")
    gc.freeze()
    gc.enable()
    run_dir = Path(sys.argv[1])
    again = started.run(run_dir) if n_processes == 1 else started.launch(run_dir, n_processes)
    if again and ranks.count() > 1:
        raise SystemExit(ranks.AGAIN)
    if again:  # in a process with nothing left in its memory; lock, number and parent stay
        os.execv(sys.executable, [sys.executable, "-m", "trainers.recipe", *sys.argv[1:]])
