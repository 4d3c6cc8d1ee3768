"""Starts the processes of a run that trains on several GPUs; loaded only then."""

import os
import signal
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun

from trainers.recipe.ranks import AGAIN


def launch(run_dir: Path, n: int) -> bool:
    """Run the recipe in `n` processes of this machine until all are done; whether it must be started anew.

    Raises `SystemExit` when one of them died, after the others were stopped.
    """
    own = ["-m", "trainers.recipe", str(run_dir), str(os.getpid())]
    try:
        torchrun(["--standalone", f"--nproc-per-node={n}", *own])
    except ChildFailedError as exc:
        if AGAIN in {failure.exitcode for failure in exc.failures.values()}:
            return True
        if -signal.SIGKILL in {failure.exitcode for failure in exc.failures.values()}:
            signal.raise_signal(signal.SIGKILL)  # the backend must see what its processes died of
        raise SystemExit(1) from exc
    return False
