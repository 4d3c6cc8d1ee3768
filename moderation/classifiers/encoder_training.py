"""Grows the heads of the encoder: `python -m moderation.classifiers.encoder_training --out FILE`.

Logistic regression on the vectors of `moderation/data/classifier_text.jsonl`, then Platt scaling on
logits of passages whose phrase was left out of the fit, as in `moderation.classifiers.training`. Rows of the
split `held_out` are never fitted. The same text and encoder give the same heads.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from moderation import embedding
from moderation.classifiers.exchanges import ANY, N_HEADS, REFUSAL
from moderation.classifiers.passages import cut
from moderation.classifiers.training import Labelled, platt, rows_of, targets_of
from moderation.fitting import fit_dense
from moderation.ngrams import normalise
from moderation.types import POLICY_CATEGORIES, Category

LAYERS = (1, 2, 3, 4, 5, 6)
_FOLDS = 2
_L2 = 3e-5
_PASSAGES_PER_TEXT = 4
_ANSWERS = 3
"""One answer in so many is learnt from: they are placeholders, and take most of the time to encode."""
_ASSUMED_HARM_RATE = 0.1
"""Share of harmful passages that the calibration assumes; here a third are. Higher than in a customer's file,
because what reaches the encoder is, for the most part, what the faster classifier found doubtful."""

Array = NDArray[np.float32]


def labelled_passages(rows: Sequence[dict[str, object]]) -> Iterator[Labelled]:
    """Distinct passages of rows of `classifier_text.jsonl` with their targets; `text` is UTF-8.

    A request that is refused is as harmful as one that is answered, so it teaches too.
    """
    seen = set()
    for row in rows:
        kind, group = str(row["kind"]), str(row["group"])
        category = None if row["category"] is None else Category(str(row["category"]))
        messages = row["messages"]
        assert isinstance(messages, list)
        for message in messages:
            answer = message["role"] == "assistant"
            if answer and kind in {"benign", "lookalike", "compliance"} and crc32(str(row["id"]).encode()) % _ANSWERS:
                continue
            for passage in cut(embedding.plain(message["content"]), _PASSAGES_PER_TEXT):
                asked = "request" if kind == "refusal" and message["role"] == "user" else kind
                harm = targets_of(asked, category, normalise(group), (message["role"], normalise(passage)))
                refused = float(kind in {"refusal", "declined"}) if answer else None
                if (passage, harm, refused) not in seen:
                    seen.add((passage, harm, refused))
                    yield Labelled(text=passage.encode(), group=group, targets=(*harm, refused))


def grow(x: Array, labelled: Sequence[Labelled]) -> dict[str, Array]:
    """Calibrated heads as tensors: `weights` (D, N_HEADS) and `bias`, for a vector a passage."""
    centre = x.mean(axis=0)
    x = x - centre
    targets = np.array([[np.nan if t is None else t for t in each.targets] for each in labelled], np.float32)
    folds = np.array([crc32(each.group.encode()) % _FOLDS for each in labelled])
    left_out = np.zeros_like(targets)
    for k in range(_FOLDS):
        parameters = fit_dense(x[folds != k], targets[folds != k], l2=_L2)
        left_out[folds == k] = x[folds == k] @ parameters[:-1] + parameters[-1]
    parameters = fit_dense(x, targets, l2=_L2)
    for head in range(N_HEADS):
        known = ~np.isnan(targets[:, head])
        y = targets[known, head].astype(np.float64)
        rate = 0.5 if head == REFUSAL else _ASSUMED_HARM_RATE / (1 if head == ANY else len(POLICY_CATEGORIES))
        balance = np.where(y == 1.0, rate / y.mean(), (1.0 - rate) / (1.0 - y.mean()))
        slope, offset = platt(left_out[known, head].astype(np.float64), y, balance)
        parameters[:, head] *= slope
        parameters[-1, head] += offset
    return {"weights": parameters[:-1].copy(), "bias": parameters[-1] - centre @ parameters[:-1]}


def main() -> None:
    """Write the heads to `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="file to write, *.safetensors")
    parser.add_argument("--model", default="", help="directory or hub name of the encoder; default: the package")
    given = parser.parse_args()
    encoder = embedding.load(embedding.directory_of({"model": given.model}), layers=LAYERS, sha256=None)
    labelled = list(labelled_passages(rows_of("train")))
    vectors = encoder.encode([each.text.decode() for each in labelled])
    tensors = grow(vectors, labelled)
    about = json.dumps({"layers": LAYERS, "encoder_sha256": encoder.sha256})
    given.out.write_bytes(save(tensors, metadata={"about": about}))
    print(f"wrote {given.out}: {len(labelled)} passages, vectors of {encoder.width}, {N_HEADS} heads")


if __name__ == "__main__":
    main()
