"""The zoo: `python -m bench.zoo grow|weights|selves|show --out DIR`. What was ended goes on where it was."""

import argparse
import gc
import logging
from datetime import UTC, datetime, time
from pathlib import Path

from bench.zoo import records, selves, showing, weights
from bench.zoo.growing import grow, order
from bench.zoo.stock import RECIPES
from bench.zoo.workshop import workshop

ACTS = {
    "grow": "train, measure and audit models",
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
    parser.add_argument("--seeds", type=int, default=5, help="models a recipe (default 5)")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", filename=asked.out / "zoo.log")
    grown = records.read(asked.out / records.FILE)
    if asked.act == "show":
        readings = weights.load(asked.out / weights.FILE)
        print(showing.table(grown, readings))
        print(showing.recipe_table(grown))
        print(showing.selves(selves.read(asked.out / selves.FILE)))
        showing.plot(grown, asked.out / "zoo.svg")
        return

    def goes_on() -> bool:
        return asked.until is None or datetime.now(UTC).time() < asked.until

    with workshop(asked.out) as shop:
        # What was imported stays: collecting through it took a fifth of this process's time.
        gc.freeze()
        if asked.act == "grow":
            grow(shop, order(RECIPES, asked.seeds), asked.out, goes_on=goes_on)
        elif asked.act == "weights":
            weights.read_weights(shop, grown, asked.out)
        else:
            selves.audits(shop, asked.out, goes_on=goes_on)


if __name__ == "__main__":
    main()
