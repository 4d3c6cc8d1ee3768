"""Safety examples: requests that name a harm, each with a refusal. Ours, and sets that an operator has made."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from moderation.types import POLICY_CATEGORIES, Category, SafetyExample

_FIELDS = ("id", "category", "request", "refusal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """The model whose words the refusals of a set are."""

    name: str
    digest: str
    """`sha256:` over its weights; of an endpoint, over its address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetySet:
    """Safety examples of one language."""

    corpus: str
    """The language: the name of a corpus."""
    rows: tuple[SafetyExample, ...]
    digest: str
    """`sha256:` over the file."""
    writer: Writer | None = None
    """None where the set does not say."""


def load_english() -> tuple[SafetyExample, ...]:
    """The shipped English set: 30 for each policy category, going round the categories.

    Any prefix of 11 k examples holds each category k times. See `moderation/data/README.md`.
    """
    text = (resources.files("moderation") / "data" / "safety_english.jsonl").read_text("utf-8")
    return tuple(_example(row) for row in map(json.loads, text.splitlines()))


def write(path: Path, corpus: str, rows: Sequence[SafetyExample], writer: Writer | None = None) -> None:
    """Write a set as JSONL: in each row the corpus, the writer if there is one, and what `load_english` reads."""
    head = {"corpus": corpus} | ({} if writer is None else {"writer": asdict(writer)})
    lines = (json.dumps({**head, **{name: getattr(row, name) for name in _FIELDS}}, ensure_ascii=False) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read(path: Path) -> SafetySet:
    """Read what `write` wrote. Raises `ValueError` with the line of the first row that cannot be used, and for none."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as exc:
        raise ValueError(f"the safety set {path} cannot be read: {exc}") from exc
    # Not splitlines(): what a model wrote may hold line breaks that JSON leaves as they are.
    lines = text.removesuffix("\n").split("\n") if text else []
    rows: list[SafetyExample] = []
    corpora: set[str] = set()
    writers: set[Writer | None] = set()
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            rows.append(_example(row))
            corpora.add(str(row["corpus"]))
            writers.add(Writer(**row["writer"]) if "writer" in row else None)
        except (ValueError, KeyError, TypeError) as exc:
            raise ValueError(
                f"the safety set {path}, line {number}: expected an object of texts with corpus, {', '.join(_FIELDS)}, "
                f"and one of the categories {', '.join(POLICY_CATEGORIES)}"
            ) from exc
    if len(corpora) != 1:
        raise ValueError(f"the safety set {path} has rows of {len(corpora)} corpora; expected one, and a row at least")
    if len(writers) != 1:
        raise ValueError(f"the safety set {path} has rows of {len(writers)} writers; give each a set of its own")
    if len({row.id for row in rows}) != len(rows):
        raise ValueError(f"the safety set {path} has an id twice")
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    return SafetySet(corpus=corpora.pop(), rows=tuple(rows), digest=digest, writer=writers.pop())


def _example(row: dict[str, Any]) -> SafetyExample:
    texts = {name: row[name] for name in _FIELDS}
    if not all(isinstance(text, str) and text.strip() for text in texts.values()):
        raise ValueError("a field that is no text")
    category = Category(texts.pop("category"))
    if category not in POLICY_CATEGORIES:
        raise ValueError("no category of a policy")
    return SafetyExample(category=category, **texts)
