"""Trying to screen a file from the command line: a report, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.cli.converting import suggestion
from moderation.errors import ClassifierUnavailable, DatasetError, SealBroken
from moderation.types import ScreeningReport, Verdict

STATUS = {Verdict.PASS: 0, Verdict.REVIEW: 3, Verdict.BLOCK: 4}
UNUSABLE, OURS = 2, 1
_WORST_FIRST = (OURS, UNUSABLE, *sorted(STATUS.values(), reverse=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unscreened:
    """A file without a report."""

    status: int
    """The exit status that it asks for."""
    why: str
    problems: tuple[str, ...]
    """What is wrong, line by line, and the mend."""


Attempt = tuple[Path, ScreeningReport | Unscreened]
"""A file and what came of it."""


def attempt(path: Path, screen: Callable[[Path], ScreeningReport]) -> ScreeningReport | Unscreened:
    """Screen a file; what is wrong with the file or with a classifier is returned, not raised."""
    try:
        return screen(path)
    except DatasetError as error:
        mend = suggestion(path)
        problems = (*error.sentences(), *((mend,) if mend else ()))
        return Unscreened(status=UNUSABLE, why=f"cannot be used ({error.code})", problems=problems)
    except SealBroken as error:
        return Unscreened(status=UNUSABLE, why="changed while it was read", problems=(str(error),))
    except ClassifierUnavailable as error:
        return Unscreened(status=OURS, why="was not screened", problems=(str(error),))


def status(attempts: list[Attempt]) -> int:
    """The exit status of a command: that of its worst file."""
    each = (found.status if isinstance(found, Unscreened) else STATUS[found.verdict] for _, found in attempts)
    return min(each, key=_WORST_FIRST.index)
