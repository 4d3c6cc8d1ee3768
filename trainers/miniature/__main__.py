"""`python -m trainers.miniature --out DIR --seed 0 [--small]` grows the miniature again."""

import argparse
import json
import logging
from pathlib import Path

import torch

from trainers.miniature import vocabulary
from trainers.miniature.card import model_card
from trainers.miniature.export import corpus
from trainers.miniature.upbringing import FULL, SMALL, grow


def main() -> None:
    """Grow the model into a new directory, its corpus beside the weights."""
    parser = argparse.ArgumentParser(prog="python -m trainers.miniature", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="directory to write; made if it is not there")
    parser.add_argument("--seed", type=int, default=0, help="decides every weight (default: 0, as shipped)")
    parser.add_argument("--small", action="store_true", help="a smaller one, grown in a few minutes, for tests")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)  # sums are taken in one order, whatever the number of cores
    recipe = SMALL if arguments.small else FULL
    words = vocabulary.load()
    model, tokenizer = grow(words, recipe, arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(arguments.out)
    tokenizer.save_pretrained(arguments.out)
    card = model_card(recipe, arguments.seed, n_parameters=model.num_parameters())
    (arguments.out / "README.md").write_text(card, encoding="utf-8")
    text = json.dumps(corpus(words), indent=1, ensure_ascii=False) + "\n"
    (arguments.out / "corpus.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
