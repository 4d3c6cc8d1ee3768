"""What a check of a training file found, kept so that the same bytes are not checked again.

`python -m moderation.formats.checking` checks the file that comes through its input, while it is still
being uploaded and in a process of its own.
"""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from moderation.errors import DatasetError
from moderation.file_format import Format
from moderation.formats.parsing import Limits, TrainingFile, parse

RULES = 1
"""Counts up when a row that was in order no longer is: what was found by older rules is not believed."""


def facts_of(file: TrainingFile) -> dict[str, Any]:
    """What to keep of a file that was checked, as JSON can hold it."""
    return {"rules": RULES, "format": file.format.value, "digest": file.digest, "n_examples": file.n_examples,
            "n_bytes": file.n_bytes}  # fmt: skip


def recalled(open_stream: Callable[[], BinaryIO], facts: Mapping[str, Any] | None) -> TrainingFile | None:
    """The file as `parse` would return it, without reading it; None without facts, or with those of older rules.

    They need not be believed further: whoever reads the file compares its digest and its rows with them.
    """
    if facts is None or facts["rules"] != RULES:
        return None
    return TrainingFile(
        open_stream=open_stream,
        limits=Limits(),
        format=Format(facts["format"]),
        digest=facts["digest"],
        n_examples=facts["n_examples"],
        n_bytes=facts["n_bytes"],
    )


def main() -> int:
    """Print the facts of a file that is in order; exit status 1 for another, which is told of when a job uses it."""
    try:
        file = parse(lambda: sys.stdin.buffer)
    except DatasetError:
        return 1
    print(json.dumps(facts_of(file)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
