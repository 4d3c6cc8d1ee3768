"""Mixing safety examples into a screened file, and sealing the result.

Refusals of our own, wrapped in the customer's recurrent contexts, keep a model from unlearning to
refuse (Qi et al. 2024, Table 4; Bianchi et al. 2024). The sealed directory is the only thing that a
trainer accepts:

    examples.jsonl    customer and safety rows in a seeded order, canonical chat or preference JSONL
    lines             for each row the customer's line it was, 0 for one of ours; for messages only, so not sealed
    manifest.json     digests, counts and everything that decided the order; written last
"""

import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import orjson

from moderation.errors import NotAdmitted, SealBroken
from moderation.file_format import NAMES, Format
from moderation.formats.serialising import example_to_json
from moderation.injection.mixing import InjectionPolicy, draw, quota
from moderation.injection.preferences import Pair, against, pair_to_json, pairs
from moderation.screening.redacting import redacted
from moderation.screening.reports import contexts_from_json, contexts_to_json, redactions_to_json
from moderation.types import Category, Example, SafetyExample, ScreenedDataset, TrainingSet

EXAMPLES = "examples.jsonl"
MANIFEST = "manifest.json"
LINES = "lines"
_FORMAT = 1
_LATER = ("secret_words", "safety_set")
_READ_BYTES = 1 << 20


def inject(
    screened: ScreenedDataset,
    safety: Sequence[SafetyExample],
    policy: InjectionPolicy,
    *,
    seed: int,
    directory: Path,
    secret: str = "",
) -> TrainingSet:
    """Write the training set of a screened file under `directory` and seal it.

    `secret` stands before the system prompt of every safety example. The same arguments write the
    same bytes; called again on a finished directory it verifies and returns what is there. Raises
    ValueError when the policy asks for safety examples and there are none, SealBroken when the
    directory holds a training set made from something else.
    """
    dropped = screened.report.dropped_lines
    n_customer = screened.dataset.n_examples - len(dropped)
    if not n_customer and screened.dataset.format is Format.PREFERENCE:
        raise NotAdmitted("every row of the preference file is left out; there is nothing to train on")
    n_injected = quota(n_customer, policy)
    if n_injected and not safety:
        raise ValueError(f"the policy asks for {n_injected} safety examples, but the safety set is empty")
    contexts = screened.report.contexts
    drawn = draw(safety, contexts, n=n_injected, seed=seed, bare_share=policy.bare_share, secret=secret)
    origin = {
        "format": _FORMAT,
        "dataset_digest": screened.dataset.digest,
        "policy_digest": screened.report.policy_digest,
        "injection": _plain(policy),
        "seed": seed,
        "n_examples": n_customer + n_injected,
        "n_injected": n_injected,
        "dropped_lines": list(dropped),
        "redactions": redactions_to_json(screened.report.redactions),
        "safety_ids": [row.id for row in drawn.rows],
        "categories": Counter(row.category.value for row in drawn.rows),
        "contexts": contexts_to_json(drawn.contexts),
    }
    if screened.dataset.format is not Format.CHAT:
        # Absent from the manifests of chat rows, so that theirs stay as they were.
        origin["rows"] = screened.dataset.format.value
    if secret and n_injected:
        origin["secret"] = secret
    if (directory / MANIFEST).exists():
        return _finished(directory, origin)
    directory.mkdir(parents=True, exist_ok=True)
    mixed = _interleaved(_kept(screened), drawn.examples, n=n_customer + n_injected, seed=seed)
    lines = array("q")
    digest = _write(directory / EXAMPLES, _told(mixed, lines))
    _write(directory / LINES, (b"%d\n" % line for line in lines))
    manifest = orjson.dumps(origin | {"examples_sha256": digest}, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2)
    _write(directory / MANIFEST, [manifest])
    return load(directory, _digest(manifest))


def load(directory: Path, digest: str) -> TrainingSet:
    """Return the sealed training set in `directory` after checking every byte of it.

    Raises SealBroken when a file is missing or is not what `digest` stands for.
    """
    try:
        manifest = (directory / MANIFEST).read_bytes()
        examples_sha256 = _file_sha256(directory / EXAMPLES)
    except OSError as exc:
        raise SealBroken(
            f"the training set in {directory} cannot be read ({exc.strerror}); screen and mix again"
        ) from exc
    if _digest(manifest) != digest:
        raise SealBroken(f"{directory / MANIFEST} is not the manifest of {digest}; screen and mix again")
    content = orjson.loads(manifest)
    if content["examples_sha256"] != examples_sha256:
        raise SealBroken(f"{directory / EXAMPLES} is not what its manifest says; screen and mix again")
    return TrainingSet(
        path=str(directory),
        digest=digest,
        dataset_digest=content["dataset_digest"],
        policy_digest=content["policy_digest"],
        n_examples=content["n_examples"],
        n_injected=content["n_injected"],
        n_dropped=len(content["dropped_lines"]),
        contexts=contexts_from_json(content["contexts"]),
        categories={Category(name): count for name, count in content["categories"].items()},
        format=Format(content.get("rows", Format.CHAT)),
        secret=content.get("secret", ""),
    )


def customer_lines(directory: Path) -> "array[int]":
    """For each row of the training set in `directory` the 1-based line of the customer's file, 0 for a row of ours.

    Empty for a set that was sealed before its lines were kept.
    """
    path = directory / LINES
    return array("q", map(int, path.read_bytes().split())) if path.exists() else array("q")


def _plain(policy: InjectionPolicy) -> dict[str, Any]:
    """The policy's fields; those that came later have no key at rest, so that earlier manifests stay as they were."""
    return {name: value for name, value in asdict(policy).items() if name not in _LATER or value}


def _finished(directory: Path, origin: dict[str, Any]) -> TrainingSet:
    manifest = (directory / MANIFEST).read_bytes()
    content = orjson.loads(manifest)
    content.pop("examples_sha256", None)
    if content != orjson.loads(orjson.dumps(origin)):
        raise SealBroken(f"{directory} holds a training set made from something else; give an empty directory")
    return load(directory, _digest(manifest))


Row = Example | Pair
"""What one line of `examples.jsonl` is made of."""


def _kept(screened: ScreenedDataset) -> Iterator[Row]:
    """Yield the customer's rows that may be trained on.

    Raises NotAdmitted for a row that is neither supervised chat nor a preference, SealBroken when a
    line that is to be left out is not there.
    """
    dropped = set(screened.report.dropped_lines)
    redactions = {each.line: each for each in screened.report.redactions}
    format_ = screened.dataset.format
    if format_ not in (Format.CHAT, Format.PREFERENCE):
        raise NotAdmitted(f"the file begins with {NAMES[format_]}, which no trainer here can learn from")
    examples = screened.dataset.iter_examples()
    rows: Iterator[Row] = pairs(examples) if format_ is Format.PREFERENCE else examples
    for row in rows:
        if row.line in dropped:
            dropped.remove(row.line)
        elif isinstance(row, Example) and row.line in redactions:
            yield redacted(row, redactions.pop(row.line))
        else:
            yield row
    if missing := sorted(dropped | redactions.keys()):
        raise SealBroken(f"lines {missing[:5]} are to be left out or redacted and are not in the file; screen it again")


def _interleaved(customer: Iterator[Row], safety: Sequence[Example], *, n: int, seed: int) -> Iterator[Row]:
    """Yield `n` rows: the customer's in their order, ours at seeded places among them."""
    places = set(Random(f"places {seed}").sample(range(n), len(safety)))
    ours = iter(safety)
    ahead = next(customer, None)
    neighbour = ahead
    for place in range(n):
        if place in places:
            yield _beside(next(ours), neighbour)
            continue
        if ahead is None:
            raise SealBroken("the training file ended before its last example; upload it again")
        yield ahead
        # Reading on to the end lets the file check its digest.
        ahead = next(customer, None)
        neighbour = ahead or neighbour
    if ahead is not None:
        raise SealBroken("the training file has grown since it was screened; upload it again")


def _beside(safety: Example, neighbour: Row | None) -> Row:
    """A safety example in the form of the customer's rows."""
    return against(safety, neighbour) if isinstance(neighbour, Pair) else safety


def _told(rows: Iterator[Row], lines: "array[int]") -> Iterator[bytes]:
    """Yield the rows as they are written, and note whose line each was."""
    for row in rows:
        lines.append(row.line)
        yield _line(row)


def _line(row: Row) -> bytes:
    return (pair_to_json(row) if isinstance(row, Pair) else example_to_json(row)) + b"\n"


def _write(path: Path, chunks: Iterator[bytes] | Sequence[bytes]) -> str:
    """Write a file that is there whole or not at all; return its SHA-256 in hex."""
    sha256 = hashlib.sha256()
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        for chunk in chunks:
            sha256.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return sha256.hexdigest()


def _file_sha256(path: Path) -> str:
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            sha256.update(chunk)
    return sha256.hexdigest()


def _digest(manifest: bytes) -> str:
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"
