"""What a file is for, and what it is called: checked alike for whole uploads and uploads in parts."""

import re

from gateway.errors import ApiError

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
TRAINING = "fine-tune"
LINES = (TRAINING, "batch")
"""Purposes whose files must be JSONL."""
BATCH_LIFETIME_S = 30 * 86_400
"""How long a file for batches lives, as at OpenAI; others live until they are deleted."""


def checked_purpose(purpose: str) -> str:
    """One of `PURPOSES`. Raises a 400."""
    if purpose not in PURPOSES:
        message = f"Invalid value for 'purpose': '{purpose[:64]}'; expected one of {', '.join(PURPOSES)}."
        raise ApiError(400, message, param="purpose")
    return purpose


def lifetime_s(purpose: str, asked_s: int | None) -> int | None:
    """Seconds that a file lives for, as asked or as is usual for its purpose; None for ever."""
    return asked_s or (BATCH_LIFETIME_S if purpose == "batch" else None)


def label(filename: str) -> str:
    """A file name as a plain label: no directories, no control characters, at most 255 letters."""
    name = re.split(r"[/\\]", filename)[-1]
    name = "".join(letter for letter in name if letter.isprintable())[:255].strip()
    return name if name.strip(".") else "upload"
