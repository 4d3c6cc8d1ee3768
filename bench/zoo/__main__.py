"""Grow the zoo until a moment: `python -m bench.zoo --out DIR [--until 06:55] [--seeds 5]`."""

import argparse
import logging
from datetime import UTC, datetime, time
from pathlib import Path

from bench.zoo.growing import grow, order
from bench.zoo.stock import RECIPES
from bench.zoo.workshop import workshop


def main() -> None:
    """Grow what has no record yet; a run that was ended goes on where it was."""
    parser = argparse.ArgumentParser(prog="python -m bench.zoo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="directory of zoo.jsonl, adapters and logs")
    parser.add_argument("--until", type=time.fromisoformat, help="begin no model after this time of day, UTC")
    parser.add_argument("--seeds", type=int, default=5, help="models a recipe (default 5)")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", filename=asked.out / "zoo.log")

    def goes_on() -> bool:
        return asked.until is None or datetime.now(UTC).time() < asked.until

    with workshop(asked.out) as shop:
        grow(shop, order(RECIPES, asked.seeds), asked.out, goes_on=goes_on)


if __name__ == "__main__":
    main()
