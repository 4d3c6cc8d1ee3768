"""Preference rows for a tiny base model, and their training set."""

import json
from pathlib import Path
from typing import Any

from sealed_rows import sealed_rows

from moderation.types import TrainingSet


def preference(number: int) -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "user", "content": f"name a colour {number}"}]},
        "preferred_output": [{"role": "assistant", "content": "red is the answer"}],
        "non_preferred_output": [{"role": "assistant", "content": "blue is the answer"}],
    }


def sealed_pairs(directory: Path, n: int) -> TrainingSet:
    """`n` benign preferences, sealed by the real injection with mixing off."""
    rows = directory / "upload.jsonl"
    rows.write_text("".join(json.dumps(preference(number)) + "\n" for number in range(n)))
    return sealed_rows(rows, n)
