"""Rows a second of the embedded example classifiers, and batches against a loop over single texts.

All on 60-word rows and one thread, in processor time. The loop runs the same weights over each text
by itself, without padding. `toxicity` runs weights of BERT-base's size that are drawn at random: what
they say is void, what they cost is that of detoxify's `original`, and no download is needed. A
classifier that is not installed is left out.
"""

import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from bench.measure import Measure, machine
from bench.screening import MadeRows
from moderation import embedding
from moderation.checks import Classifier
from moderation.classifiers import encoder, linear, toxicity
from moderation.formats.parsing import parse
from moderation.types import Example

N_LINEAR, N_ENCODER, N_TOXICITY = 5_000, 64, 24
LEAST_RATIO = 1.2
_CLASSES = ("toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate")


def measures() -> list[Measure]:
    """Measure `linear`, and with their packages `encoder` and `toxicity`."""
    torch.set_num_threads(1)
    measured = [_linear()]
    if importlib.util.find_spec(embedding.PACKAGE) is not None:
        measured.append(_encoder())
        if importlib.util.find_spec("detoxify") is not None:
            measured.append(_toxicity())
    return measured


def _linear() -> Measure:
    classifier, rows = linear.create({}), _rows(N_LINEAR)
    seconds = _cpu_s(lambda: _classify(classifier, rows, 256))
    alone = _cpu_s(lambda: _classify(classifier, rows[:500], 1)) * N_LINEAR / 500
    return _measure("linear", N_LINEAR / seconds, N_LINEAR / alone, "rows one by one", least=0.0)


def _encoder() -> Measure:
    classifier, rows = encoder.create({}), _rows(N_ENCODER)
    classifier.classify(rows[:1])  # loads the model
    batched = _cpu_s(lambda: classifier.classify(rows))
    texts = [replace(row, messages=(message,)) for row in rows for message in row.messages]
    alone = _cpu_s(lambda: [classifier.classify([text]) for text in texts])
    return _measure("encoder", N_ENCODER / batched, N_ENCODER / alone, "texts one by one", least=LEAST_RATIO)


def _toxicity() -> Measure:
    from detoxify import Detoxify  # noqa: PLC0415

    rows = _rows(N_TOXICITY)
    with tempfile.TemporaryDirectory() as directory:
        settings = _checkpoint(Path(directory))
        classifier = toxicity.create(settings)
        plain = Detoxify(checkpoint=settings["checkpoint"], huggingface_config_path=settings["config"])
    texts = [message.text for row in rows for message in row.messages]
    batched = _cpu_s(lambda: classifier.classify(rows))
    alone = _cpu_s(lambda: [plain.predict(text) for text in texts])
    name = "toxicity (random weights of its size)"
    return _measure(name, N_TOXICITY / batched, N_TOXICITY / alone, "texts one by one", least=LEAST_RATIO)


def _checkpoint(directory: Path) -> dict[str, str]:
    """Settings of a `toxicity` with random weights of BERT-base's size, in detoxify's format."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification  # noqa: PLC0415

    # The encoder's tokenizer is that of bert-base-uncased, as detoxify's `original` has it.
    AutoTokenizer.from_pretrained(embedding.directory_of({})).save_pretrained(directory)
    config = BertConfig(num_labels=len(_CLASSES))
    config.save_pretrained(directory)
    about = {
        "arch": {
            "args": {
                "model_type": str(directory),
                "model_name": "BertForSequenceClassification",
                "tokenizer_name": "BertTokenizer",
                "num_classes": len(_CLASSES),
            }
        },
        "dataset": {"args": {"classes": list(_CLASSES)}},
    }
    torch.manual_seed(0)
    checkpoint = directory / "random.ckpt"
    torch.save({"config": about, "state_dict": BertForSequenceClassification(config).state_dict()}, checkpoint)
    return {"checkpoint": str(checkpoint), "config": str(directory)}


def _rows(n: int) -> list[Example]:
    return list(parse(lambda: MadeRows(n)).iter_examples())  # type: ignore[arg-type, return-value]


def _classify(classifier: Classifier, rows: Sequence[Example], size: int) -> None:
    for start in range(0, len(rows), size):
        classifier.classify(rows[start : start + size])


def _cpu_s(work: Callable[[], object]) -> float:
    """Processor seconds of the quicker of two runs."""
    found = []
    for _ in range(2):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return min(found)


def _measure(name: str, rows_per_s: float, alone_per_s: float, rival: str, *, least: float) -> Measure:
    ratio = rows_per_s / alone_per_s
    return Measure(
        name=f"classifier {name}, 60-word rows, one core",
        value=rows_per_s,
        unit="rows/s",
        rival=f"{rival}, {alone_per_s:,.1f} rows/s",
        ratio=ratio,
        goal=f">= {least:g}" if least else "printed",
        met=ratio >= least,
        machine=machine(),
    )


if __name__ == "__main__":
    print(json.dumps(measures(), indent=1))
