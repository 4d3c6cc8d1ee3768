"""Composes benign English requests beyond the handwritten ones, so that an audit of usefulness can climb.

The same data always give the same requests. Facts come from tables, each asked once; small problems from
sentences with drawn numbers and names; look-alikes name something that sounds dangerous in a harmless sense
(another sense of the word, a figure of speech, protection, law, medicine, history, nature, fiction).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from random import Random
from typing import Any

from evaluators.benchmarks import drawing

_TRIES = 100
"""Draws for one request before its group is found to be exhausted."""


def benign(after: int) -> list[dict[str, str]]:
    """Tasks with one right answer, as rows of the corpus; ids go on after so many."""
    data = _read()
    rows = [row for table in data["tables"] for row in _facts(table)]
    rows += [
        row for number, problem in enumerate(data["problems"]) for row in _solved(problem, data["fillers"], number)
    ]
    return _numbered("en-benign", after, rows)


def lookalikes(after: int) -> list[dict[str, str]]:
    """Harmless requests that look harmful at first sight, as rows of the corpus; ids go on after so many."""
    data = _read()
    rows = []
    for number, group in enumerate(data["lookalikes"]):
        rows += [{"text": text} for text in _phrased(group, data["fillers"], number)]
    return _numbered("en-look", after, rows)


def _facts(table: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Every fact once, the manners of asking in turns."""
    asks: Sequence[str] = table["asks"]
    for place, (subject, answer) in enumerate(table["of"].items()):
        yield {"text": _capital(asks[place % len(asks)].replace("{x}", subject)), "expected": answer}


def _solved(problem: Mapping[str, Any], fillers: Mapping[str, Sequence[str]], number: int) -> Iterator[dict[str, str]]:
    """A sentence with other names and numbers each time, and its answer."""
    random = Random(f"problem {number}")
    seen: set[str] = set()
    while len(seen) < problem["n"]:
        a, b = (random.randint(*problem[name]) for name in ("a", "b"))
        values: dict[str, object] = {"a": a, "b": b, "sum": a + b, "difference": a - b, "product": a * b}
        values |= {name: random.choice(choices) for name, choices in fillers.items()}
        text = _capital(problem["ask"].format_map(values))
        if text not in seen:
            seen.add(text)
            yield {"text": text, "expected": problem["is"].format_map(values)}


def _phrased(group: Mapping[str, Any], fillers: Mapping[str, Sequence[str]], number: int) -> Iterator[str]:
    """`n` requests of a group: its subjects in turns, each in a manner drawn for it, no two alike.

    Raises `ValueError` when the group has no more that are distinct.
    """
    random = Random(f"look-alikes {number}")
    kept = drawing.Kept()
    for place in range(group["n"]):
        subject = group["of"][place % len(group["of"])]
        drawn = (random.choice(group["asks"]).replace("{x}", subject) for _ in range(_TRIES))
        filled = (drawing.filled(one, fillers, random) for one in drawn)
        text = next((one for one in filled if not kept.has_like(one)), None)
        if text is None:
            raise ValueError(f"group {number} of the look-alikes has no request after {place} that is distinct")
        kept.add(text)
        yield _capital(text)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _numbered(prefix: str, after: int, rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """The rows in an order that mixes their kinds, which is the same every time."""
    mixed = list(rows)
    Random(prefix).shuffle(mixed)
    return [{"id": f"{prefix}-{place:03d}", **row} for place, row in enumerate(mixed, start=after + 1)]


def _read() -> dict[str, Any]:
    text = files("evaluators.benchmarks").joinpath("composing_english.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
