"""Detoxify (Hanu and Unitary, 2020), the package itself, as a classifier: toxicity, threats, insults, sexual content.

It knows how something is said rather than what is asked for: it flagged 6 to 27 of 100 harmful shots in
Qi et al. (2024). Its weights come from the hub of its authors, or, offline, from a checkpoint and a
directory with the configuration and tokenizer.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from moderation.classifiers.exchanges import READING, texts_in
from moderation.errors import ClassifierUnavailable
from moderation.ngrams import normalise
from moderation.types import POLICY_CATEGORIES, Category, Example

VARIANTS = ("original", "unbiased", "multilingual", "original-small", "unbiased-small")
CLASSES: Mapping[str, Category | None] = MappingProxyType(
    {
        "toxicity": Category.HATE_HARASSMENT_VIOLENCE,
        "severe_toxicity": Category.HATE_HARASSMENT_VIOLENCE,
        "obscene": Category.ADULT_CONTENT,
        "threat": Category.HATE_HARASSMENT_VIOLENCE,
        "insult": Category.HATE_HARASSMENT_VIOLENCE,
        "identity_attack": Category.HATE_HARASSMENT_VIOLENCE,
        "sexual_explicit": Category.ADULT_CONTENT,
        # The unbiased and multilingual models also say who is talked about, which is no harm.
        "male": None,
        "female": None,
        "homosexual_gay_or_lesbian": None,
        "christian": None,
        "jewish": None,
        "muslim": None,
        "black": None,
        "white": None,
        "psychiatric_or_mental_illness": None,
    }
)
"""Detoxify's classes as ours; one that is in no table counts as hatred."""

_PIECE = 1_000
"""Characters scored together: they fit the 512 tokens beyond which detoxify cuts without a word."""
_MAX_PIECES = 2_000
"""Pieces of one example; a longer one is refused rather than read in part."""
_BATCH_CHARACTERS = 4_000


class ToxicityClassifier:
    """Scores every text of an example by itself. Thread-safe: nothing changes after construction."""

    name = "toxicity"

    def __init__(self, detoxify: Any, version: str) -> None:
        """`detoxify` is a `detoxify.Detoxify`."""
        self._detoxify = detoxify
        self.version = version

    def classify(self, examples: Sequence[Example]) -> Sequence[Mapping[Category, float]]:
        """Highest probability by category over the texts of each example; without text all are 0.

        Raises ClassifierUnavailable for an example that is too long to be read whole.
        """
        pieces = [_pieces(example) for example in examples]
        unique = sorted({piece for each in pieces for piece in each}, key=lambda piece: (len(piece), piece))
        found: dict[str, dict[Category, float]] = {}
        for batch in _batches(unique):
            found |= zip(batch, self._scores(batch), strict=True)
        return [
            {c: max((found[piece].get(c, 0.0) for piece in each), default=0.0) for c in POLICY_CATEGORIES}
            for each in pieces
        ]

    def _scores(self, batch: Sequence[str]) -> list[dict[Category, float]]:
        by_class = self._detoxify.predict(list(batch))
        scores: list[dict[Category, float]] = [{} for _ in batch]
        for name, values in by_class.items():
            category = CLASSES.get(name, Category.HATE_HARASSMENT_VIOLENCE)
            # A list of one text is answered with bare numbers.
            for one, value in zip(scores, values if isinstance(values, list) else [values], strict=True):
                if category is not None:
                    one[category] = max(one.get(category, 0.0), float(value))
        return scores


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Neighbours of a list that is sorted by length, so that little of a batch is padding."""
    batch: list[str] = []
    for text in texts:
        if batch and len(text) * (len(batch) + 1) > _BATCH_CHARACTERS:
            yield batch
            batch = []
        batch.append(text)
    if batch:
        yield batch


def _pieces(example: Example) -> list[str]:
    texts = [said.text.encode("utf-8", "replace").decode() for said in texts_in(example)]
    # A text without letters or digits has nothing to score, and may have no tokens.
    texts = [text for text in texts if normalise(text)]
    pieces = [text[start : start + _PIECE] for text in texts for start in range(0, len(text), _PIECE)]
    if len(pieces) > _MAX_PIECES:
        raise ClassifierUnavailable(
            f"the example at line {example.line} has {len(pieces)} pieces of text, more than are scored of one example "
            f"({_MAX_PIECES}); split the example"
        )
    return [piece for piece in pieces if piece.strip()]


def create(config: Mapping[str, str]) -> ToxicityClassifier:
    """The variant `TUNEGATE_TOXICITY_MODEL` (default `original`), downloaded by detoxify at first use.

    Offline: `TUNEGATE_TOXICITY_CHECKPOINT` (a file in detoxify's format) and `TUNEGATE_TOXICITY_CONFIG` (a
    directory with the configuration and tokenizer of its encoder). Checkpoints are pickles: name none
    that you do not trust. Raises ValueError for what is missing or wrong.
    """
    variant = config.get("model") or "original"
    if variant not in VARIANTS:
        raise ValueError(f"TUNEGATE_TOXICITY_MODEL is {variant!r}; set it to one of {', '.join(VARIANTS)}")
    checkpoint, directory = config.get("checkpoint"), config.get("config")
    if bool(checkpoint) != bool(directory):
        raise ValueError("TUNEGATE_TOXICITY_CHECKPOINT and TUNEGATE_TOXICITY_CONFIG go together; set both or neither")
    if checkpoint and not Path(checkpoint).is_file():
        raise ValueError(f"TUNEGATE_TOXICITY_CHECKPOINT names {checkpoint!r}, which is no file")
    if directory and not Path(directory).is_dir():
        raise ValueError(f"TUNEGATE_TOXICITY_CONFIG names {directory!r}, which is no directory")
    try:
        from detoxify import Detoxify  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(f"detoxify cannot be imported ({error}); install tunegate[toxicity]") from error
    try:
        detoxify = (
            Detoxify(checkpoint=checkpoint, huggingface_config_path=directory) if checkpoint else Detoxify(variant)
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        where = f"TUNEGATE_TOXICITY_CHECKPOINT {checkpoint!r}" if checkpoint else f"TUNEGATE_TOXICITY_MODEL {variant!r}"
        raise ValueError(
            f"{where} cannot be loaded: {error}; offline, set TUNEGATE_TOXICITY_CHECKPOINT and TUNEGATE_TOXICITY_CONFIG"
        ) from error
    # Without it the tokenizer of a local directory cuts nothing, and a long text breaks the encoder.
    detoxify.tokenizer.model_max_length = min(detoxify.tokenizer.model_max_length, 512)
    if checkpoint:
        with Path(checkpoint).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return ToxicityClassifier(detoxify, f"checkpoint-{digest[:16]}-{READING}")
    return ToxicityClassifier(detoxify, f"detoxify-{variant}-{READING}")
