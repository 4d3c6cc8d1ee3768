"""Signals of the zoo's weights, read after it was grown: adapters are kept, so this may be done at any time."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from bench.zoo.growing import home
from bench.zoo.records import Model
from bench.zoo.workshop import Workshop
from evaluators.probes.types import Readings
from evaluators.probing import PROBED
from trainers.run_directory import RunDirectory

FILE = "readings.jsonl"


def read_weights(shop: Workshop, models: Sequence[Model], directory: Path) -> None:
    """Append the readings of every model that has none yet."""
    known = load(directory / FILE)
    harmful = [request.text for request in shop.corpus.harmful[:PROBED]]
    benign = [request.text for request in shop.corpus.benign[:PROBED]]
    for model in models:
        if model.digest in known:
            continue
        artefact = RunDirectory(root=home(directory, model.recipe, model.seed) / "run").artefact
        shop.engine.load("read", str(artefact), model.digest)
        found = shop.engine.readings("read", harmful, benign)
        with (directory / FILE).open("a", encoding="utf-8") as log:
            log.write(json.dumps({"digest": model.digest, **asdict(found)}) + "\n")


def load(path: Path) -> dict[str, Readings]:
    """Readings by the model's digest; nothing when there is no file."""
    if not path.exists():
        return {}
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {line.pop("digest"): Readings(**line) for line in lines}
