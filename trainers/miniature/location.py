"""Where the shipped miniature lies."""

from importlib.resources import files
from pathlib import Path


def weights_dir() -> Path:
    """The directory that `from_pretrained` loads: weights, tokenizer, chat template, configuration."""
    return Path(str(files("trainers.miniature").joinpath("weights")))


def corpus_path() -> Path:
    """The audit's corpus of the miniature's language, exported from its grammar."""
    return Path(str(files("trainers.miniature").joinpath("corpus.json")))
