"""`python -m trainers.cluster.node STORE ATTEMPT DEATHS`: one attempt at a run, on whichever node the cluster chose."""

import argparse
import gc
import logging
import tempfile
import threading
from pathlib import Path

import tenacity

from trainers.cluster.parcels import Parcels
from trainers.recipe import ranks
from trainers.recipe import run as recipe
from trainers.run_directory import RunDirectory

logger = logging.getLogger(__name__)
PUSH_S = 2.0
"""What is new travels to the store this often."""
PATIENCE_S = 1800.0
"""How long the end of a run waits for a store that is away."""


def carry_out(parcels: Parcels, attempt: int, home: Path, *, n_deaths: int = 0, push_s: float = PUSH_S) -> bool:
    """Train below `home`, from where an earlier attempt got to, and put all that comes of it into the store.

    `n_deaths` is how often earlier attempts ended where this one begins: what passes is waited for so often only.
    Of several processes that train together each is called so; the first sends what comes of it, the others only
    what went wrong with them. Returns whether memory ran out in one of several, so that all must start anew. Raises
    `OSError` when the store cannot be read, or stays away at the end, and `SystemExit` as the recipe does.
    """
    run = RunDirectory(root=home)
    parcels.fetch_order(run)
    parcels.fetch_progress(run, before=attempt)
    if ranks.first():  # its directory alone says how far the run is
        run.note_deaths(n_deaths)
    over = threading.Event()
    courier = threading.Thread(target=_deliver, args=(parcels, run, attempt, over, push_s), name="courier")
    if ranks.first():
        courier.start()
    try:
        again = recipe.run(home)
        while again and ranks.count() == 1:  # memory ran out; what the last try left behind goes first
            gc.collect()
            again = recipe.run(home)
    finally:
        over.set()
        if ranks.first():
            courier.join()
        _last_delivery(parcels, run, attempt)
    return again


def _deliver(parcels: Parcels, run: RunDirectory, attempt: int, over: threading.Event, push_s: float) -> None:
    while not over.wait(push_s):
        try:
            parcels.send_progress(run, attempt=attempt)
        except OSError as exc:
            logger.warning("the store did not take what is new (%s); tried again later", type(exc).__name__)


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(OSError),
    stop=tenacity.stop_after_delay(PATIENCE_S),
    wait=tenacity.wait_exponential(multiplier=1.0, max=60.0),
    reraise=True,
)
def _last_delivery(parcels: Parcels, run: RunDirectory, attempt: int) -> None:
    if ranks.first():
        parcels.send_progress(run, attempt=attempt)
    else:
        parcels.send_trouble(run, attempt=attempt, process=ranks.number())


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(prog="python -m trainers.cluster.node", description=__doc__)
    parser.add_argument("store", help="fsspec URL of the run's directory")
    parser.add_argument("attempt", type=int)
    parser.add_argument("deaths", type=int, help="how often earlier attempts ended where this one begins")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tunegate-run-") as home:
        carry_out(Parcels(asked.store), asked.attempt, Path(home), n_deaths=asked.deaths)


if __name__ == "__main__":
    main()
