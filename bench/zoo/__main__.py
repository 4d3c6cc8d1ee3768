"""The zoo: `python -m bench.zoo grow|audit|weights|selves|show --out DIR`. What was ended goes on where it was."""

import argparse
import gc
import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time
from itertools import islice
from pathlib import Path
from typing import TypeVar

from bench.zoo import records, selves, showing, weights
from bench.zoo.auditing import audit_all
from bench.zoo.growing import grow, order
from bench.zoo.stock import RECIPES
from bench.zoo.workshop import workshop

T = TypeVar("T")
ACTS = {
    "grow": "train and measure models",
    "audit": "audit what was grown",
    "weights": "read the weights of what was grown",
    "selves": "audit the base against itself 200 times",
    "show": "print the tables and draw the plot",
}


def main() -> None:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.zoo", description=__doc__)
    parser.add_argument("act", choices=ACTS, help="; ".join(f"{act}: {what}" for act, what in ACTS.items()))
    parser.add_argument("--out", type=Path, required=True, help="directory of records, adapters and logs")
    parser.add_argument("--until", type=time.fromisoformat, help="begin nothing after this time of day, UTC")
    parser.add_argument("--seeds", type=int, default=6, help="models a recipe (default 6)")
    parser.add_argument("--share", default="1/1", help="the part of grow and audit that is this process's, as in 1/2")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", filename=asked.out / "zoo.log")
    if asked.act == "show":
        grown = records.read(asked.out)
        readings = weights.load(asked.out / weights.FILE)
        print(showing.table(grown, readings))
        print(showing.recipe_table(grown))
        print(showing.selves(selves.read(asked.out / selves.FILE)))
        showing.plot(grown, asked.out / "zoo.svg")
        return

    def goes_on() -> bool:
        return asked.until is None or datetime.now(UTC).time() < asked.until

    number, of = map(int, asked.share.split("/"))

    def part(wanted: Iterable[T]) -> Iterator[T]:
        return islice(wanted, number - 1, None, of)

    with workshop(asked.out) as shop:
        # What was imported stays: collecting through it took a fifth of this process's time.
        gc.freeze()
        if asked.act == "grow":
            grow(shop, part(order(RECIPES, asked.seeds)), asked.out, goes_on=goes_on)
        elif asked.act == "audit":
            audit_all(shop, list(part(records.models(asked.out))), asked.out, goes_on=goes_on)
        elif asked.act == "weights":
            weights.read_weights(shop, records.models(asked.out), asked.out)
        else:
            selves.audits(shop, asked.out, goes_on=goes_on)


if __name__ == "__main__":
    main()
