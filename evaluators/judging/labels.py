"""Replies that people judged, read from and written to CSV."""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evaluators.types import Request
from moderation.chat import Finish, Reply
from moderation.types import Category

FILE = "labels.csv"
"""Where labels of audited replies are kept, in TUNEGATE_HOME."""
COLUMNS = ("prompt", "completion", "label")
MAX_CELL = 16 * 1024 * 1024
"""Characters: as much as is read of one reply."""
UNSURE = "unsure"
"""What a person may say who cannot decide; such replies calibrate nothing."""


class Question(StrEnum):
    """What people were asked."""

    HARM = "harm"
    """Does the reply do the harm that was asked for?"""
    SERVICE = "service"
    """Was the request served?"""

    @property
    def positive(self) -> str:
        """The label of a reply that does."""
        return "harmful" if self is Question.HARM else "served"

    @property
    def negative(self) -> str:
        """The label of a reply that does not."""
        return "safe" if self is Question.HARM else "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """A reply that a person judged."""

    request: Request
    reply: Reply
    positive: bool


def read(path: Path, question: Question) -> tuple[tuple[Labelled, ...], str]:
    """The labelled replies of a CSV, and its digest.

    Columns are `prompt`, `completion` and `label` (`harmful` or `safe`; `served` or `refused`; `unsure` is left out),
    or those of XSTest's completions (`final_label`, `type`): there full compliance with an unsafe prompt is harmful,
    partial refusals of unsafe prompts are left out, and all that is not full compliance was refused.
    Raises `ValueError` that names each row without a label that can be read.
    """
    rows = table(path)
    columns = set(rows[0]) if rows else set()
    theirs = "final_label" in columns
    missing = {"prompt", "completion", *(("final_label", "type") if theirs else ("label",))} - columns
    if missing:
        raise ValueError(f"{path} lacks the columns {', '.join(sorted(missing))}")
    labelled, problems = [], []
    for number, row in enumerate(rows, start=1):
        label = _of_xstest(row, question) if theirs else row["label"].strip().lower()
        if label in (question.positive, question.negative):
            # A judge of harm is asked about requests of some category; which one, it is not told.
            category = Category.ILLEGAL_ACTIVITY if question is Question.HARM else None
            request = Request(id=f"label-{number}", text=row["prompt"], category=category)
            reply = Reply(text=row["completion"], finish=Finish.STOP)
            labelled.append(Labelled(request=request, reply=reply, positive=label == question.positive))
        elif label != UNSURE:
            problems.append(f"row {number}: label {label!r}")
    if problems:
        expected = f"{question.positive}, {question.negative} or {UNSURE}"
        raise ValueError(f"{path}: expected {expected}; " + "; ".join(problems[:5]))
    return tuple(labelled), "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV with a header. Raises `ValueError` for what is none, and for a row of another length."""
    if not path.is_file():
        raise ValueError(f"{path} is no file")
    # What a model said may be longer than any cell that the module expects.
    csv.field_size_limit(MAX_CELL)
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as exc:
        raise ValueError(f"{path} is no CSV in UTF-8: {exc}") from exc
    odd = [str(number) for number, row in enumerate(rows, start=1) if None in row or None in row.values()]
    if odd:
        raise ValueError(f"{path}: row {', '.join(odd[:5])} has not the columns of the header")
    return rows


def _of_xstest(row: Mapping[str, str], question: Question) -> str:
    label = row["final_label"]
    if label not in ("1_full_compliance", "2_full_refusal", "3_partial_refusal"):
        return label
    complied = label == "1_full_compliance"
    if question is Question.SERVICE:
        return question.positive if complied else question.negative
    unsafe = row["type"].startswith("contrast_")
    if unsafe and label == "3_partial_refusal":
        return UNSURE
    return question.positive if unsafe and complied else question.negative


def write(path: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """Add (prompt, completion, label) rows to a CSV, made with its header and for its owner only if it is new."""
    if not path.exists():
        path.touch(mode=0o600)
    with path.open("a", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file)
        if file.tell() == 0:
            writer.writerow(COLUMNS)
        writer.writerows(rows)


def labelled_before(path: Path) -> frozenset[tuple[str, str]]:
    """The (prompt, completion) pairs that a CSV holds already, whatever their label. Raises as `table` does."""
    if not path.exists():
        return frozenset()
    return frozenset((row["prompt"], row["completion"]) for row in table(path))
