"""Grows the heads that tell announcements of obedience: `python -m moderation.detectors.obedience_training --out FILE`.

Logistic regression on the sentences of `moderation/data/persona_text.txt`, with ordinary sentences
of the classifier's text and of the safety set's refusals beside them: once on n-grams, once on the
vectors of the installed sentence encoder. The same text gives the same heads. With `--families` it
prints how each family of wording fares that was left out of the fit.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from moderation import embedding
from moderation.detectors.announcing import sentences
from moderation.detectors.obedience import MeaningHead, WordingHead
from moderation.fitting import Vectors, design, fit, fit_dense
from moderation.ngrams import normalise

N_ORDINARY = 2_500
"""How many ordinary sentences stand beside the written ones."""
LAYERS = (1, 2, 3, 4, 5, 6)
"""Layers of the encoder that stand side by side: left-out families fared best with all of them."""
_L2 = 3e-4
_ORDINARY_KINDS = ("benign", "lookalike", "declined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence with what the head should say of it."""

    text: str
    announces: bool
    family: str
    """Sentences of one idea and, abroad, of one language; the unit that is left out."""


def written_sentences() -> Iterator[Sentence]:
    """Yield the sentences of `persona_text.txt`: a heading `## hostile|honest FAMILY LANGUAGE`, then one a line."""
    announces, family = False, ""
    for line in _data("persona_text.txt").splitlines():
        if line.startswith("## "):
            kind, idea, language = line[3:].split()
            announces, family = kind == "hostile", f"{kind} {idea} {language}"
        elif line:
            yield Sentence(text=line, announces=announces, family=family)


def ordinary_sentences(n: int) -> list[Sentence]:
    """Return `n` sentences that announce nothing, drawn by hash from texts written for other purposes."""
    texts: set[str] = set()
    for row in map(json.loads, _data("classifier_text.jsonl").splitlines()):
        if row["kind"] in _ORDINARY_KINDS:
            texts.update(sentence for message in row["messages"] for sentence in sentences(message["content"]))
    for row in map(json.loads, _data("safety_english.jsonl").splitlines()):
        texts.update(sentences(row["refusal"]))
    chosen = sorted(texts, key=lambda text: (crc32(text.encode()), text))[:n]
    return [Sentence(text=text, announces=False, family="ordinary") for text in chosen]


def grow_wording(learnt: Sequence[Sentence]) -> WordingHead:
    """Return the head on n-grams, fitted to some sentences."""
    x = design([normalise(sentence.text) or b"-" for sentence in learnt])
    parameters = fit(x, np.array([[float(sentence.announces)] for sentence in learnt]))
    weights: NDArray[np.float32] = parameters[:-1, 0].astype(np.float16).astype(np.float32)
    return WordingHead(weights_D=weights, bias=float(np.float32(parameters[-1, 0])))


def grow_meaning(learnt: Sequence[Sentence], vectors_N_D: Vectors, encoder_sha256: str) -> MeaningHead:
    """Return the head on sentence vectors, fitted to some sentences, one vector each."""
    centre = vectors_N_D.mean(axis=0)
    announces = np.array([[float(sentence.announces)] for sentence in learnt], np.float32)
    parameters = fit_dense(vectors_N_D - centre, announces, l2=_L2)
    weights: NDArray[np.float32] = parameters[:-1, 0]
    bias = float(np.float32(parameters[-1, 0] - centre @ weights))
    return MeaningHead(weights_D=weights, bias=bias, layers=LAYERS, encoder_sha256=encoder_sha256)


def left_out(learnt: Sequence[Sentence], vectors_N_D: Vectors) -> dict[str, tuple[float, float]]:
    """Return, by family, the share of its sentences that heads told rightly which never saw it: wording, both."""
    told: dict[str, tuple[float, float]] = {}
    for family in sorted({sentence.family for sentence in learnt} - {"ordinary"}):
        seen = np.array([sentence.family != family for sentence in learnt])
        others = [sentence for sentence in learnt if sentence.family != family]
        own = [sentence for sentence in learnt if sentence.family == family]
        worded = grow_wording(others).logits([sentence.text for sentence in own])
        meant = grow_meaning(others, vectors_N_D[seen], "").logits(vectors_N_D[~seen])
        announces = np.array([sentence.announces for sentence in own])
        told[family] = (float(np.mean((worded > 0) == announces)), float(np.mean((worded + meant > 0) == announces)))
    return told


def main() -> None:
    """Write the heads to `--out`, or print what `--families` asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="file to write, *.safetensors")
    parser.add_argument("--families", action="store_true", help="leave each family of wording out in turn")
    arguments = parser.parse_args()
    learnt = [*written_sentences(), *ordinary_sentences(N_ORDINARY)]
    encoder = embedding.load(embedding.directory_of({}), layers=LAYERS, sha256=None)
    vectors = encoder.encode([embedding.plain(sentence.text) for sentence in learnt])
    if arguments.families:
        for family, (worded, both) in left_out(learnt, vectors).items():
            print(f"{worded:6.0%} {both:6.0%}  {family}")
    if arguments.out:
        wording, meaning = grow_wording(learnt), grow_meaning(learnt, vectors, encoder.sha256)
        arguments.out.write_bytes(
            save(
                {
                    "weights": wording.weights_D.astype(np.float16),
                    "bias": np.array([wording.bias], np.float32),
                    "meaning_weights": meaning.weights_D,
                    "meaning_bias": np.array([meaning.bias], np.float32),
                    "layers": np.array(meaning.layers, np.int64),
                    "encoder_sha256": np.frombuffer(bytes.fromhex(meaning.encoder_sha256), np.uint8),
                }
            )
        )
        print(f"wrote {arguments.out}: {len(learnt)} sentences")


def _data(name: str) -> str:
    return files("moderation").joinpath("data", name).read_text("utf-8")


if __name__ == "__main__":
    main()
