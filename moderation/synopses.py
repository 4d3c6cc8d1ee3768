"""What is remembered of a data set once it was screened, so that later jobs can be compared with it.

A synopsis keeps, of some requests, a hash, whether the reply refused, and a hash of the reply; no
text. The requests kept are those with the smallest hashes, so two files keep the same ones where
they share them.

Source: Beyer et al. (2007), "On synopses for distinct-value estimation" (k minimum values).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MIN_COMPARED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRow:
    """One request of a data set."""

    request: int
    """64-bit hash of the request without case, digits and punctuation."""
    reply: int
    """64-bit hash of the reply, likewise."""
    refused: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSketch:
    """A data set in a few kilobytes."""

    n_examples: int
    n_refused: int
    """Examples whose reply refuses."""
    rows: tuple[KeptRow, ...]
    """Those with the smallest request hashes, ascending, one for each request."""


def returned(earlier: DataSketch, later: DataSketch) -> float:
    """Return the share in [0, 1] of the earlier data set's rows, request and reply, that the later one has too.

    Of large data sets it is estimated on the part of the hashes that both sketches cover; 0 where that is
    under `MIN_COMPARED` rows and not the whole of the earlier one.
    """
    ours = {row.request: row for row in later.rows}
    covered = [row for row in earlier.rows if row.request <= min(_reach(earlier), _reach(later))]
    if len(covered) < min(MIN_COMPARED, len(earlier.rows)) or not covered:
        return 0.0
    both = (row for row in covered if row.request in ours and ours[row.request].reply == row.reply)
    return sum(1 for _ in both) / len(covered)


def _reach(sketch: DataSketch) -> float:
    """Up to which hash a sketch has every request of its data set."""
    whole = len(sketch.rows) >= sketch.n_examples or not sketch.rows
    return math.inf if whole else sketch.rows[-1].request


def sketch_to_json(sketch: DataSketch) -> dict[str, Any]:
    """Return a sketch as a JSON object; hashes are hexadecimal, for JSON numbers hold 53 bits only."""
    return {
        "examples": sketch.n_examples,
        "refused": sketch.n_refused,
        "rows": [f"{row.request:016x}{row.reply:016x}{row.refused:d}" for row in sketch.rows],
    }


def sketch_from_json(value: Mapping[str, Any]) -> DataSketch:
    """Return the sketch that `sketch_to_json` wrote. Raises KeyError or ValueError for anything else."""
    return DataSketch(
        n_examples=value["examples"],
        n_refused=value["refused"],
        rows=tuple(
            KeptRow(request=int(row[:16], 16), reply=int(row[16:32], 16), refused=row[32:] == "1")
            for row in value["rows"]
        ),
    )
